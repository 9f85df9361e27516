"""Calls and structured answers of a real small model."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from tasks.values import events, results
from tasks.values.job import Job
from tasks.values.messages import Message
from tasks.values.requests import ChatRequest, Constraint, Tool, ToolChoice
from tests.support.rounds import rounds
from tests.workers.engines.rows import chat, job, run, texts

if TYPE_CHECKING:
    from workers.engines.lm import TextEngine


class Person(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=16)
    age: int = Field(ge=0, le=120)
    tags: list[Literal["tall", "kind", "old"]] = Field(max_length=3)


class Place(BaseModel):
    model_config = ConfigDict(extra="forbid")
    city: str = Field(max_length=20)
    size: Literal["small", "large"]
    streets: list[str] = Field(max_length=2)


KINDS: dict[str, type[BaseModel]] = {"save_person": Person, "save_place": Place}
SUBJECTS = (
    "Ada",
    "a sailor",
    "Rome",
    "the king",
    "a village",
    "my neighbour",
    "Paris",
    "a painter",
    "the harbour",
    "Bo",
)


def bounded(model: type[BaseModel]) -> dict[str, object]:
    """The schema of a model; strings in lists are bounded too."""
    schema = model.model_json_schema()
    streets = schema["properties"].get("streets")
    if streets:
        streets["items"]["maxLength"] = 16
    return schema


TOOLS = tuple(Tool(name, f"Saves a {name.removeprefix('save_')}.", bounded(kind)) for name, kind in KINDS.items())


def test_required_calls_are_valid_calls(text_engine: TextEngine) -> None:
    jobs = [
        job(
            ChatRequest(
                (Message("user", f"Save {SUBJECTS[number % 10]}."),),
                tools=TOOLS,
                tool_choice=ToolChoice("required"),
                temperature=1.0,
                seed=number,
                max_tokens=200,
            )
        )
        for number in range(rounds(8, 50))
    ]
    batch = run(text_engine, *jobs)
    for number, one in enumerate(jobs):
        result = results.fold(one.payload, batch.heard[str(number)])
        assert isinstance(result, results.TextResult)
        (choice,) = result.choices
        assert choice.finish_reason == "tool_calls", choice
        (call,) = choice.calls
        KINDS[call.name].model_validate_json(call.arguments, strict=True)


def test_structured_and_free_answers_share_a_batch_and_do_not_touch_each_other(text_engine: TextEngine) -> None:
    def structured(number: int) -> Job:
        kind = list(KINDS.values())[number % 2]
        rule = Constraint("json_schema", json.dumps(bounded(kind)), "response_format")
        return chat(
            f"Tell of {SUBJECTS[number % 10]} in JSON.", constraint=rule, temperature=0.9, seed=number, max_tokens=200
        )

    def free(number: int) -> Job:
        return chat(f"Write a sentence about {SUBJECTS[number % 10]}.", temperature=0.7, seed=number, max_tokens=8)

    numbers = range(rounds(8, 50))
    alone = [texts(text_engine, [free(number)])[0] for number in numbers]
    mixed = [*((number, structured(number)) for number in numbers), *((number, free(number)) for number in numbers)]
    random.Random(4).shuffle(mixed)
    batch = run(text_engine, *(one for _, one in mixed))
    for name, (number, one) in enumerate(mixed):
        said = batch.text(str(name))
        if one.payload.constraint is None:  # type: ignore[union-attr]
            assert said == alone[number]
        else:
            list(KINDS.values())[number % 2].model_validate_json(said, strict=True)


def test_a_stop_string_ends_a_structured_answer(text_engine: TextEngine) -> None:
    rule = Constraint("regex", "(one|two) and (three|four)", "guided_regex")
    whole, cut = texts(text_engine, [chat("Count.", constraint=rule), chat("Count.", constraint=rule, stop=(" and",))])
    assert whole.startswith(cut + " and")


def test_a_model_without_a_template_for_tools_is_told_of_them(text_engine: TextEngine) -> None:
    request = ChatRequest((Message("user", "Save Ada."),), tools=TOOLS)
    prompt = text_engine._prompts.decode(text_engine.prepare(job(request)).plan.prompts[0])
    assert all(tool.name in prompt for tool in TOOLS)
    without = ChatRequest((Message("user", "Save Ada."),), tools=TOOLS, tool_choice=ToolChoice("none"))
    assert TOOLS[0].name not in text_engine._prompts.decode(text_engine.prepare(job(without)).plan.prompts[0])


def test_a_grammar_that_breaks_fails_its_row_alone(text_engine: TextEngine) -> None:
    rule = Constraint("regex", "[a-z]+", "guided_regex")
    broken = text_engine.prepare(chat("Count.", constraint=rule))
    assert broken.plan.guide is not None
    broken.plan.guide.accept(0)
    text_engine.admit("broken", broken)
    text_engine.admit("whole", text_engine.prepare(chat("Count.", max_tokens=4)))
    heard: dict[str, list[events.Event]] = {"broken": [], "whole": []}
    while not all(told and isinstance(told[-1], events.TERMINAL) for told in heard.values()):
        for name, event in text_engine.step():
            heard[name].append(event)
    assert isinstance(heard["broken"][-1], events.Failed)
    assert isinstance(heard["whole"][-1], events.Done)

"""In every format, a required call is a valid call, read as it grows, whatever the model would rather say."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import pytest
from pydantic import BaseModel, ConfigDict, Field

from tasks.values import events, results
from tasks.values.job import Job
from tasks.values.messages import Message
from tasks.values.requests import ChatRequest, Constraint, Tool, ToolChoice
from tests.workers.engines.rows import Batch, job, run
from tests.workers.engines.text import tiny
from tests.workers.engines.text.sampling.test_grammar import takes, wander
from web.render.text import chat as render
from workers.engines.lm import TextEngine
from workers.engines.text.output import answer_format
from workers.engines.text.output.answer_format import AnswerFormat, Formats
from workers.engines.text.prompts import Prompt, Prompts
from workers.engines.text.requester import Requester
from workers.engines.text.sampling.guide import Guide
from workers.engines.text.schedule.rows import Row
from workers.engines.text.speculation.drafter import room
from workers.parsers import registry
from workers.parsers.registry import ReasoningFormat, ToolFormat

TOOLS, THINKING = registry.formats("tools"), registry.formats("reasoning")


class Weather(BaseModel):
    model_config = ConfigDict(extra="forbid")
    city: str = Field(max_length=8, pattern="^[a-z]*$")
    days: int = Field(ge=0, le=9)
    units: Literal["C", "F"]
    hours: list[bool] = Field(max_length=2)


class Nothing(BaseModel):
    model_config = ConfigDict(extra="forbid")


OFFERED = (
    Tool("get-weather.now", "Tells the weather.", Weather.model_json_schema()),
    Tool("nothing"),
)
ARGUMENTS: dict[str, type[BaseModel]] = {"get-weather.now": Weather, "nothing": Nothing}


def speaking(
    engine: TextEngine, tools: ToolFormat | None = None, reasoning: ReasoningFormat | None = None
) -> TextEngine:
    """The engine as of a model whose template has these formats."""
    formats = Formats(tools or TOOLS["hermes"], reasoning, taught=False)
    engine._planner = dataclasses.replace(engine._planner, formats=formats)
    return engine


@pytest.fixture(scope="module")
def engine() -> TextEngine:
    return tiny.engine(context=4096)


def asked(seed: int, **more: Any) -> Job:
    given = {"temperature": 1.0, "max_tokens": 2500, "tools": OFFERED, "tool_choice": ToolChoice("required"), **more}
    return job(ChatRequest((Message("user", "hi"),), seed=seed, **given))


def text_results(engine: TextEngine, jobs: Sequence[Job]) -> list[results.TextResult]:
    batch = run(engine, *jobs)
    found = [results.fold(one.payload, batch.heard[str(number)]) for number, one in enumerate(jobs)]
    return [one for one in found if isinstance(one, results.TextResult)]


@pytest.mark.parametrize("name", TOOLS)
def test_a_required_call_is_a_valid_call(engine: TextEngine, name: str) -> None:
    for result in text_results(speaking(engine, TOOLS[name]), [asked(seed) for seed in range(6)]):
        (choice,) = result.choices
        assert choice.finish_reason == "tool_calls", choice
        assert choice.text.strip() == ""
        for call in choice.calls:
            ARGUMENTS[call.name].model_validate_json(call.arguments, strict=True)


@pytest.mark.parametrize("name", TOOLS)
def test_a_named_function_is_the_one_that_is_called(engine: TextEngine, name: str) -> None:
    for tool in OFFERED:
        (result,) = text_results(
            speaking(engine, TOOLS[name]), [asked(1, tool_choice=ToolChoice("required", tool.name))]
        )
        assert [call.name for call in result.choices[0].calls] == [tool.name]


@pytest.mark.parametrize("name", TOOLS)
def test_a_stream_gives_the_message_of_the_whole_answer(engine: TextEngine, name: str) -> None:
    one = msgspec.structs.replace(asked(7, n=2), endpoint="/v1/chat/completions")
    batch = Batch(speaking(engine, TOOLS[name]))
    batch.admit("0", one)
    told = batch.run().heard["0"]
    whole = msgspec.json.decode(render.body(one, results.fold(one.payload, told)).data)
    chunks = render.chunks(one)
    streamed: dict[int, dict[str, Any]] = {}
    for chunk in (piece for event in [events.Started(1), *told] for piece in chunks(event)):
        for choice in msgspec.json.decode(msgspec.json.encode(chunk))["choices"]:
            message = streamed.setdefault(choice["index"], {"content": "", "calls": {}})
            message["content"] += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls") or ():
                kept = message["calls"].setdefault(call["index"], {"id": "", "name": "", "arguments": ""})
                kept["id"] += call.get("id") or ""
                for key, value in call["function"].items():
                    kept[key] += value or ""
    for choice in whole["choices"]:
        calls = [{"id": call["id"], **call["function"]} for call in choice["message"]["tool_calls"]]
        assert list(streamed[choice["index"]]["calls"].values()) == calls
        assert streamed[choice["index"]]["content"] == (choice["message"]["content"] or "")


def test_the_same_seed_gives_the_same_calls_and_ids_are_each_call_s_own(engine: TextEngine) -> None:
    speaking(engine)
    first, again, other = text_results(engine, [asked(3, n=2), asked(3, n=2), asked(4, n=2)])
    assert [(call.name, call.arguments) for choice in first.choices for call in choice.calls] == [
        (call.name, call.arguments) for choice in again.choices for call in choice.calls
    ]
    ids = [call.id for result in (first, again, other) for choice in result.choices for call in choice.calls]
    assert len(set(ids)) == len(ids)


def test_without_parallel_calls_the_first_ends_the_answer(engine: TextEngine) -> None:
    speaking(engine, TOOLS["hermes"])
    choice = ToolChoice("required", parallel=False)
    for result in text_results(engine, [asked(seed, tool_choice=choice) for seed in range(4)]):
        assert len(result.choices[0].calls) == 1


def test_with_no_tools_wanted_a_call_is_text(engine: TextEngine) -> None:
    speaking(engine, TOOLS["hermes"])
    text = TOOLS["hermes"].write([("nothing", {})])
    said = Constraint("choice", json.dumps([text]), "guided_choice")
    chosen = text_results(engine, [asked(1, tool_choice=ToolChoice("none"), constraint=said),
                                asked(1, tool_choice=ToolChoice("auto"), constraint=said)])  # fmt: skip
    assert [(one.choices[0].text.strip(), len(one.choices[0].calls)) for one in chosen] == [(text, 0), ("", 1)]


OPENED = {name: f"{one.MARKERS[0]}\n" for name, one in THINKING.items()}


@pytest.fixture(params=THINKING)
def thinker(request: pytest.FixtureRequest, engine: TextEngine, monkeypatch: pytest.MonkeyPatch) -> TextEngine:
    """An engine whose every prompt leaves the model thinking."""
    prompt = OPENED[request.param]

    def opened(prompts: Prompts, request: ChatRequest, requester: Requester) -> Prompt:
        return Prompt(prompt, prompts.encode(prompt, special=False))

    monkeypatch.setattr(Prompts, "chat", opened)
    return speaking(engine, reasoning=THINKING[request.param])


def close(engine: TextEngine) -> int:
    """The tokens that end the thinking."""
    thinks = engine._planner.formats.reasoning
    assert thinks is not None
    return len(engine._prompts.encode(thinks.CLOSE + thinks.ANSWER, special=False))


def test_a_budget_ends_the_thinking(thinker: TextEngine) -> None:
    free, bound = (run(thinker, asked(5, tools=(), max_tokens=90, **more)) for more in ({}, {"thinking_budget": 9}))
    assert free.usage("0").reasoning_tokens > 9 + close(thinker)
    assert 9 <= bound.usage("0").reasoning_tokens <= 9 + close(thinker) + 4  # what is held back
    assert bound.text("0")


class Knowing:
    """A drafter that knows what will be said."""

    count = 8

    def __init__(self, tokens: list[int]) -> None:
        self._tokens = tokens

    def ready(self, rows: Sequence[Row], step: int, chunk: int) -> bool:
        return any(map(room, rows))

    def drafts(self, rows: Sequence[Row], firsts: Sequence[int]) -> list[list[int]]:
        return [self._tokens[len(row.tokens) + 1 :][: min(self.count, room(row))] for row in rows]


def test_a_budget_ends_the_thinking_among_drafts_that_are_right(
    thinker: TextEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for budget in (4, 9, 10):
        one = asked(5, tools=(), max_tokens=60, thinking_budget=budget)
        batch = Batch(thinker)
        batch.admit("0", one)
        (row,) = thinker._batch.rows
        plain = batch.run()
        with monkeypatch.context() as patched:
            patched.setattr(thinker._batch, "_drafter", Knowing(row.tokens))
            again = run(thinker, one)
        assert again.steps < plain.steps
        assert (again.text("0"), again.usage("0"), again.reason("0")) == (
            plain.text("0"),
            plain.usage("0"),
            plain.reason("0"),
        )


def test_a_constraint_waits_for_the_end_of_the_thinking(thinker: TextEngine) -> None:
    rule = Constraint("regex", "[ab]{3}", "guided_regex")
    jobs = [asked(seed, tools=(), constraint=rule, thinking_budget=5, max_tokens=200) for seed in range(4)]
    for result in text_results(thinker, jobs):
        (choice,) = result.choices
        assert choice.reasoning and choice.finish_reason == "stop"
        assert len(choice.text) == 3 and choice.text.strip("ab") == "", choice


def test_a_required_call_comes_after_the_thinking(thinker: TextEngine) -> None:
    for result in text_results(thinker, [asked(seed, thinking_budget=5) for seed in range(2)]):
        (choice,) = result.choices
        assert choice.reasoning and [call.name in ARGUMENTS for call in choice.calls] == [True], choice


MARKED = {
    name
    for name, written in TOOLS.items()
    if name not in ("functionary_v32", "llama3_json", "pythonic", "xlam")  # whose calls begin as other texts do
}
FORM = Constraint("regex", "[a-c]{3}", "p")
INPUT = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
OTHER = {"type": "object", "properties": {"size": {"enum": ["big", "small"]}}, "required": ["size"]}
CUSTOM = (Tool("other", parameters=OTHER), Tool("write", parameters=INPUT, form=FORM))
AUTO = ToolChoice()


def guided(engine: TextEngine, name: str, choice: ToolChoice = AUTO) -> Guide | None:
    """What holds an answer in this format to the tool that has a form."""
    request = ChatRequest((Message("user", "hi"),), tools=CUSTOM, tool_choice=choice)
    planner = speaking(engine, tools=TOOLS[name])._planner
    written = AnswerFormat(None, TOOLS[name])
    return answer_format.guide(request, planner.formats, planner.grammars, written)


@pytest.mark.parametrize("name", sorted(MARKED))
def test_a_tool_s_text_has_its_form_where_it_need_not_be_called(engine: TextEngine, name: str) -> None:
    guide, calling = guided(engine, name), guided(engine, name, ToolChoice("required", "write"))
    assert guide is not None and calling is not None
    assert takes(guide.copy(), "Just a text.\nAnd {more} [of] it <b>.")
    other = guided(engine, name, ToolChoice("required", "other"))
    assert other is not None
    called = wander(calling, 0)
    before, text, behind = re.split("([a-c]{3}(?![a-z]))(?!.*[a-c]{3}(?![a-z]))", called, maxsplit=1, flags=re.DOTALL)
    for said in ("", "Let me see. "):
        assert takes(guide.copy(), said + called), said + called
        assert not takes(guide.copy(), f"{said}{before}{text[:2]}d{behind}")
        assert takes(guide.copy(), said + wander(other.copy(), 0))


@pytest.mark.parametrize("name", sorted(TOOLS.keys() - MARKED))
def test_where_a_call_begins_as_any_text_it_is_left_to_the_model(engine: TextEngine, name: str) -> None:
    assert guided(engine, name) is None


def test_an_answer_that_may_not_call_is_bound_to_no_tool_s_form(engine: TextEngine) -> None:
    asked = job(ChatRequest((Message("user", "hi"),), tools=CUSTOM, tool_choice=ToolChoice("none")))
    assert speaking(engine).prepare(asked).plan.guide is None
    asked = job(ChatRequest((Message("user", "hi"),), tools=CUSTOM[:1]))
    assert speaking(engine).prepare(asked).plan.guide is None

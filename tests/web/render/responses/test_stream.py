"""A response's events add up to its body, however its answer was cut, and can be told again from any number on."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai._types import omit
from openai._utils import strip_annotated_type
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseItem, ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

from tasks.values import events, replay, results
from tasks.values.errors import Failure
from tasks.values.events import CallDelta, Delta, Event
from tests.contract.test_openai_types import undeclared
from tests.web.render.responses import mixes
from tests.web.render.responses.mixes import MIXES, Mix, asked, job, streamed, whole
from tests.web.render.told import TOKENS
from web.render.responses.stream import Stream

# Which Open Responses has, and OpenAI's own answers too.
EXTRA = {f"Response.{name}" for name in ("store", "frequency_penalty", "presence_penalty")}
TERMINAL = {"response.completed", "response.incomplete", "response.failed"}


@cache
def kinds() -> dict[str, Any]:
    """The SDK's class of every type of event."""
    found = get_args(strip_annotated_type(ResponseStreamEvent))
    return {get_args(kind.model_fields["type"].annotation)[0]: TypeAdapter(kind) for kind in found}


def strictly(value: dict[str, Any], kind: Any) -> BaseModel:
    """The value as the SDK's type, with no coercion and nothing that the type does not declare."""
    found: BaseModel = kind.validate_json(msgspec.json.encode(value), strict=True)
    assert set(undeclared(found)) <= EXTRA
    return found


def added_up(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items that a client makes of a stream, which never uses what it is told as a whole."""
    items: dict[int, dict[str, Any]] = {}
    for event in told:
        kind, index = event["type"].removeprefix("response."), event.get("output_index")
        if kind == "output_item.added":
            assert index == len(items)
            items[index] = {**event["item"]}
        elif kind == "content_part.added":
            assert event["content_index"] == len(items[index]["content"])
            items[index]["content"] = [*items[index]["content"], event["part"]]
        elif kind == "reasoning_summary_part.added":
            items[index]["summary"] = [*items[index]["summary"], event["part"]]
        elif kind in ("output_text.delta", "reasoning_text.delta"):
            part = items[index]["content"][event["content_index"]]
            items[index]["content"] = [{**part, "text": part["text"] + event["delta"]}]
        elif kind == "reasoning_summary_text.delta":
            part = items[index]["summary"][event["summary_index"]]
            items[index]["summary"] = [{**part, "text": part["text"] + event["delta"]}]
        elif kind == "function_call_arguments.delta":
            items[index]["arguments"] += event["delta"]
        elif kind == "custom_tool_call_input.delta":
            items[index]["input"] += event["delta"]
        elif kind == "output_item.done":
            compared = comparable(event["item"])
            assert comparable({**items[index], "status": compared.get("status")}) == {"status": None, **compared}
        if "item_id" in event:
            assert event["item_id"] == items[index]["id"]
    return [items[index] for index in sorted(items)]


def comparable(item: dict[str, Any]) -> dict[str, Any]:
    """An item without what no delta tells: how it ends, its seal, and its tokens' bytes."""
    content = [{**part, "logprobs": []} if "logprobs" in part else part for part in item.get("content", ())]
    kept = {name: value for name, value in item.items() if name != "encrypted_content"}
    return {**kept, **({"content": content} if content else {})}


def agree(of: Any, told: list[Event]) -> None:
    found, body = streamed(of, told), whole(of, told)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    assert found[-1]["type"] in TERMINAL and found[-1]["response"] == body
    assert [event["type"] for event in found].count(found[-1]["type"]) == 1
    for event in found:
        strictly(event, kinds()[event["type"]])
    strictly(body, TypeAdapter(Response))
    if body["status"] in ("completed", "incomplete"):
        items = added_up(found)
        assert [comparable({**one, "status": ""}) for one in items] == [
            comparable({**one, "status": ""}) for one in body["output"]
        ]
        done = [event["item"] for event in found if event["type"] == "response.output_item.done"]
        assert done == body["output"]
        assert [one["status"] for one in body["output"][:-1] if "status" in one].count("completed") == len(
            [one for one in body["output"][:-1] if "status" in one]
        )


@pytest.mark.parametrize("name", MIXES)
def test_every_mix_is_told_as_its_file_has_it(name: str) -> None:
    assert mixes.shown(MIXES[name]) == msgspec.json.decode(mixes.file(name).read_bytes())


@pytest.mark.parametrize("name", MIXES)
def test_every_mix_obeys_openai_s_types_and_agrees(name: str) -> None:
    mix = MIXES[name]
    if name != "begun anew":
        agree(job(mix.asks), mix.told)
    for item in mixes.shown(mix)["input"]:
        strictly(item, TypeAdapter(ResponseItem))


WORDS = st.text(min_size=1, max_size=3)


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    """What an engine may tell of one answer: calls follow each other."""
    told: list[Event] = [events.Started(1, 3)]
    begun = 0
    for _ in range(draw(st.integers(0, 8))):
        calls: list[CallDelta] = []
        for kind in draw(st.lists(st.sampled_from(("begin", "go on")), max_size=3)):
            if kind == "begin":
                calls.append(CallDelta(begun, f"call_{begun}", draw(st.sampled_from(("look", "write")))))
                begun += 1
            elif calls:
                calls.append(CallDelta(begun - 1, arguments=draw(WORDS)))
        text, thought = draw(st.text(max_size=4)), draw(st.text(max_size=3))
        logprobs = tuple(draw(st.lists(TOKENS, max_size=2)))
        told.append(Delta(text, 0, None, logprobs, thought, tuple(calls)))
    reason = draw(st.sampled_from(("stop", "length", "tool_calls")))
    return [*told, Delta(draw(st.text(max_size=2)), finish_reason=reason), events.Done(mixes.USAGE, mixes.AT)]


ASKS = st.fixed_dictionaries(
    {"input": st.just("Hi"), "tools": st.just([mixes.LOOK, mixes.WRITE])},
    optional={
        "reasoning": st.just({"summary": "auto"}),
        "include": st.just(["reasoning.encrypted_content", "message.output_text.logprobs"]),
        "background": st.just(True),
    },
)


@given(ASKS, answers())
def test_the_stream_adds_up_to_the_body(asks: dict[str, Any], told: list[Event]) -> None:
    agree(job(asks), told)


@given(answers(), st.lists(st.integers(0, 30), max_size=4))
def test_how_events_come_together_changes_nothing(told: list[Event], cuts: list[int]) -> None:
    of = job({"input": "Hi", "tools": [mixes.LOOK, mixes.WRITE]})
    stream = Stream(of, asked(of))
    found = list(stream.opening())
    for begin, end in pairwise(sorted({0, *cuts, len(told)})):
        found += stream.of(told[begin:end])
    assert msgspec.json.decode(msgspec.json.encode(found)) == streamed(of, told)


@given(answers(), st.integers(-1, 40))
def test_who_comes_later_is_told_what_the_others_were(told: list[Event], after: int) -> None:
    of = job({"input": "Hi", "background": True, "tools": [mixes.LOOK, mixes.WRITE]})
    every = streamed(of, told)
    result = results.decode(results.encode(results.fold(of.payload, told)))
    assert isinstance(result, results.TextResult)
    again: list[Event] = [*replay.deltas(result.choices[0], 0), told[-1]]  # of the record, when the stream has gone
    for source in (told, again):
        assert streamed(of, source, after) == every[after + 1 :]


@given(answers(), answers(), st.integers(1, 9))
def test_an_attempt_that_begins_anew_repeats_nothing_and_tells_when_it_differs(
    told: list[Event], other: list[Event], lost: int
) -> None:
    of = job({"input": "Hi", "background": True, "tools": [mixes.LOOK, mixes.WRITE]})
    assert streamed(of, [*told[:lost], *told]) == streamed(of, told)
    mixed = streamed(of, [*told[:-1], *other])
    alike = streamed(of, told[:-1]) == streamed(of, other)[: len(streamed(of, told[:-1]))]
    assert mixed == streamed(of, other) if alike else mixed[-1]["type"] == "error"
    assert [event["sequence_number"] for event in mixed] == list(range(len(mixed)))


def test_a_failure_is_told_whatever_number_is_known() -> None:
    of = job({"input": "Hi"})
    failed: list[Event] = [events.Failed(Failure("engine_error", "it failed"))]
    (told,) = streamed(of, failed, 40)
    assert (told["type"], told["sequence_number"]) == ("response.failed", 41)
    assert told["response"]["error"] == {"code": "server_error", "message": "it failed"}


def test_a_stream_that_breaks_ends_with_an_error() -> None:
    of = job({"input": "Hi"})
    stream = Stream(of, asked(of))
    before = [*stream.opening(), *stream.of([events.Started(1), Delta("a")])]
    (error,) = stream.broken(Failure("queue_unavailable", "the queue is away", "p"))
    assert error == {
        "type": "error", "code": "queue_unavailable", "message": "the queue is away", "param": "p",
        "sequence_number": len(before),
    }  # fmt: skip
    strictly(error, kinds()["error"])
    assert list(stream.of([Delta("b")])) == []


@pytest.mark.parametrize("name", [name for name, mix in MIXES.items() if isinstance(mix.told[-1], events.Done)])
def test_openai_s_sdk_follows_the_stream_to_the_body(name: str) -> None:
    mix: Mix = MIXES[name]
    of = job(mix.asks)
    state: Any = ResponseStreamState(text_format=omit, input_tools=omit)
    for event in streamed(of, mix.told):
        state.handle_event(TypeAdapter(ResponseStreamEvent).validate_python(event))
    final = state._completed_response
    if whole(of, mix.told)["status"] == "completed":
        assert [item.id for item in final.output] == [item["id"] for item in whole(of, mix.told)["output"]]

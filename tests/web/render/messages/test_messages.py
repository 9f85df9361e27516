"""A stream's events add up to the body of the same job, and both are exactly of Anthropic's types."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tasks.values import events, replay, results
from tasks.values.events import CallDelta, Delta, Event
from tasks.values.job import Job, RenderOptions
from tasks.values.requests import Tool
from tests.web.render import told
from tests.workers.engines.rows import chat
from web.render.messages import messages as render

EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)
USAGE = events.Usage(9, 7, 4, reasoning_tokens=2)


def job(budget: int | None = None, *, omit: bool = False) -> Job:
    asked = chat("hi", max_tokens=7, tools=(Tool("look"),), thinking_budget=budget)
    return msgspec.structs.replace(asked, options=RenderOptions(omit_thinking=omit), model="m")


def body(of: Job, heard: list[Event]) -> dict[str, Any]:
    return dict(msgspec.json.decode(render.body(of, results.fold(of.payload, heard)).data))


def chunks(of: Job, heard: list[Event]) -> list[dict[str, Any]]:
    return told.chunks(render.chunks(of), heard)


def added_up(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that a client makes of a stream, whose blocks come one after the other."""
    start, *rest, end, stop = found
    assert (start["type"], end["type"], stop) == ("message_start", "message_delta", {"type": "message_stop"})
    message, blocks = start["message"], list[dict[str, Any]]()
    opened = False
    for event in rest:
        kind = event["type"]
        if kind == "content_block_start":
            assert not opened and event["index"] == len(blocks)
            blocks.append({**event["content_block"], "json": ""})
            opened = True
        else:
            assert opened and event["index"] == len(blocks) - 1
            opened = kind != "content_block_stop"
        for name, value in event.get("delta", {}).items():
            if name == "partial_json":
                blocks[-1]["json"] += value
            elif name != "type":
                blocks[-1][name] += value
    assert not opened
    for block in blocks:
        written = block.pop("json")
        if block["type"] == "tool_use":
            block["input"] = json.loads(written or "{}")
    return {**message, "content": blocks, **end["delta"], "usage": {**message["usage"], **end["usage"]}}


def sdk_s(found: list[dict[str, Any]]) -> Message:
    """The message that Anthropic's SDK makes of a stream."""
    snapshot, json_bufs = None, dict[int, bytes]()
    for chunk in found:
        event = EVENT.validate_python(chunk)
        snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=json_bufs)  # type: ignore[arg-type]
    assert snapshot is not None
    return Message.model_validate(snapshot.model_dump())


WORDS = st.text(min_size=1, max_size=4)
PIECES = st.lists(WORDS, min_size=1, max_size=3)
VALUES = st.dictionaries(
    WORDS, st.none() | st.booleans() | st.integers(-9, 9) | WORDS | st.lists(WORDS, max_size=2), max_size=3
)
STRETCH = st.one_of(
    st.tuples(st.just("reasoning"), PIECES),
    st.tuples(st.just("text"), PIECES),
    st.tuples(st.just("call"), st.tuples(WORDS, VALUES, st.lists(st.integers(0, 40), max_size=3))),
)


@st.composite
def answers(draw: st.DrawFn) -> list[Delta]:
    """Any mix of thinking, texts and calls, in deltas of any size; some hold several things at once."""
    found: list[Delta] = []
    number = 0
    for kind, what in draw(st.lists(STRETCH, max_size=6)):
        if kind == "call":
            name, value, cuts = what
            written = draw(st.sampled_from(["", " ", "\n "])) + json.dumps(value)
            places = sorted({0, len(written), *(cut % (len(written) + 1) for cut in cuts)})
            pieces = [written[begin:end] for begin, end in pairwise(places)]
            found.append(Delta("", calls=(CallDelta(number, f"call_{number}", name),)))
            found += [Delta("", calls=(CallDelta(number, arguments=piece),)) for piece in pieces]
            number += 1
        else:
            found += [Delta("", reasoning=piece) if kind == "reasoning" else Delta(piece) for piece in what]
    return draw(st.sampled_from([found, _merged(found)]))


def _merged(deltas: list[Delta]) -> list[Delta]:
    """The same with what one delta can hold of what follows each other in it."""
    found: list[Delta] = []
    for delta in deltas:
        last = found[-1] if found else None
        if last is not None and not last.calls and not (last.text and delta.reasoning):
            text, reasoning = last.text + delta.text, last.reasoning + delta.reasoning
            found[-1] = msgspec.structs.replace(last, text=text, reasoning=reasoning, calls=delta.calls)
        else:
            found.append(delta)
    return found


ENDS = st.sampled_from([("stop", None), ("stop", "END"), ("length", None), ("tool_calls", None)])


@given(answers(), ENDS, st.sampled_from([None, 0, 5]), st.booleans())
def test_events_add_up_to_the_body(deltas: list[Delta], end: Any, budget: int | None, omit: bool) -> None:
    of = job(budget, omit=omit)
    heard = [events.Started(1, 9), *deltas, Delta("", finish_reason=end[0], stop=end[1]), events.Done(USAGE)]
    whole, streamed = body(of, heard), chunks(of, heard)
    assert added_up(streamed) == whole
    message = Message.model_validate_json(msgspec.json.encode(whole), strict=True)
    assert sdk_s(streamed).model_dump() == message.model_dump()
    assert chunks(of, events.joined(heard))[-1] == streamed[-1]
    assert added_up(chunks(of, events.joined(heard))) == whole


@given(answers(), ENDS)
def test_who_reads_from_the_record_gets_the_same(deltas: list[Delta], end: Any) -> None:
    of = job(5)
    heard = [events.Started(1, 9), *deltas, Delta("", finish_reason=end[0], stop=end[1]), events.Done(USAGE)]
    (choice,) = results.fold(of.payload, heard).choices  # type: ignore[union-attr]
    again = [*replay.deltas(choice, 0), events.Done(USAGE)]
    assert len(again) <= len(heard)
    assert body(of, again) == body(of, heard) == added_up(chunks(of, again))


def test_a_call_that_was_cut_off_holds_what_the_sdk_reads_of_it() -> None:
    heard: list[Event] = [
        events.Started(1, 9),
        Delta("", calls=(CallDelta(0, "call_1", "look"), CallDelta(0, arguments='{"a": [1, 2], "b": "Zür'))),
        Delta("", finish_reason="length"),
        events.Done(USAGE),
    ]
    (block,) = body(job(), heard)["content"]
    assert block == {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": [1, 2]}}
    assert sdk_s(chunks(job(), heard)).content[0].to_dict(exclude_none=True) == block


@pytest.mark.parametrize("arguments", ["", " ", "{}", "[1]", "5", "not JSON"])
def test_an_input_is_an_object_whatever_a_model_wrote(arguments: str) -> None:
    heard: list[Event] = [Delta("", calls=(CallDelta(0, "call_1", "look", arguments),)), events.Done(USAGE)]
    assert body(job(), heard)["content"][0]["input"] == {}


@pytest.mark.parametrize(
    ("end", "usage", "reason", "sequence"),
    [
        (Delta("", finish_reason="stop"), USAGE, "end_turn", None),
        (Delta("", finish_reason="stop", stop="END"), USAGE, "stop_sequence", "END"),
        (Delta("", finish_reason="length"), USAGE, "max_tokens", None),
        (Delta("", finish_reason="length"), events.Usage(9, 6), "model_context_window_exceeded", None),
        (Delta("", finish_reason="tool_calls"), USAGE, "tool_use", None),
        (Delta("", finish_reason="tool_calls", stop="END"), USAGE, "tool_use", None),
    ],
)
def test_why_an_answer_ended(end: Delta, usage: events.Usage, reason: str, sequence: str | None) -> None:
    whole = body(job(), [Delta("a"), end, events.Done(usage)])
    assert (whole["stop_reason"], whole["stop_sequence"]) == (reason, sequence)


def test_what_a_cache_had_is_counted_apart() -> None:
    heard: list[Event] = [events.Started(1, 9), Delta("a", finish_reason="stop"), events.Done(USAGE)]
    expected = {
        "input_tokens": 5,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 4,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 2},
    }
    assert body(job(), heard)["usage"] == expected
    start, *_, end, _ = chunks(job(), heard)
    assert start["message"]["usage"]["input_tokens"] == 9 and end["usage"] == body(job(), heard)["usage"]


THOUGHT: list[Event] = [
    events.Started(1, 9),
    Delta("", reasoning="hm"),
    Delta("a", finish_reason="stop"),
    events.Done(USAGE),
]


@pytest.mark.parametrize(
    ("budget", "omit", "blocks"),
    [(None, False, ["hm", "a"]), (5, False, ["hm", "a"]), (5, True, ["", "a"]), (0, False, ["a"])],
)
def test_thinking_is_shown_as_it_was_asked_for(budget: int | None, omit: bool, blocks: list[str]) -> None:
    content = body(job(budget, omit=omit), THOUGHT)["content"]
    assert [block[block["type"]] for block in content] == blocks
    assert [block["signature"] for block in content if block["type"] == "thinking"] == (
        [] if budget == 0 else ["uC4heOz00MWFncLhadf+2Gc/n27rnzWRvtXyU7d0JAg="]
    )


def test_an_attempt_that_began_anew_is_one_message() -> None:
    heard: list[Event] = [
        events.Started(1, 9),
        events.Started(2, 9),
        Delta("a", finish_reason="stop"),
        events.Done(USAGE),
    ]
    assert [chunk["type"] for chunk in chunks(job(), heard)].count("message_start") == 1


@pytest.mark.parametrize("event", [events.Progress(1, 2), events.Cancelled(), events.Expired()])
def test_what_an_event_cannot_show_makes_none(event: Event) -> None:
    assert chunks(job(), [event]) == []

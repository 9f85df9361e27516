"""Whoever sent `functions` is answered in the form that goes with them, in a body and in a stream."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tasks.values import events, results
from tasks.values.events import CallDelta, Delta, Event
from tasks.values.job import Job, RenderOptions
from tasks.values.requests import Tool
from tests.web.render import told
from tests.workers.engines.rows import chat
from web.render.text import chat as render

CALLED = (CallDelta(0, "call_0", "look"), CallDelta(0, arguments='{"at": '), CallDelta(0, arguments="1}"))
WHOLE = {"name": "look", "arguments": '{"at": 1}'}


def job(*, older: bool = True) -> Job:
    asked = chat("hi", tools=(Tool("look"),))
    return msgspec.structs.replace(asked, options=RenderOptions(function_call=older), model="m")


def heard(text: str, *calls: CallDelta, reason: events.FinishReason = "tool_calls") -> list[Event]:
    deltas: list[Event] = [Delta("", calls=(call,)) for call in calls]
    return [events.Started(1, 3), *([Delta(text)] if text else []), *deltas, Delta("", 0, reason), events.Done()]


def body(of: Job, heard: list[Event]) -> dict[str, Any]:
    (choice,) = msgspec.json.decode(render.body(of, results.fold(of.payload, heard)).data)["choices"]
    return dict(choice)


def streamed(of: Job, heard: list[Event]) -> list[dict[str, Any]]:
    return [choice for chunk in told.chunks(render.chunks(of), heard) for choice in chunk["choices"]]


@pytest.mark.parametrize(("text", "content"), [("", None), ("I look.", "I look.")])
def test_a_body_has_a_function_call(text: str, content: str | None) -> None:
    choice = body(job(), heard(text, *CALLED))
    assert choice["finish_reason"] == "function_call"
    assert (choice["message"]["content"], choice["message"]["function_call"]) == (content, WHOLE)
    assert "tool_calls" not in choice["message"]


def test_a_stream_has_its_name_first_and_then_its_arguments() -> None:
    choices = streamed(job(), heard("", *CALLED))
    pieces = [choice["delta"]["function_call"] for choice in choices if "function_call" in choice["delta"]]
    assert pieces[0] == {"name": "look", "arguments": ""}
    assert "".join(piece["arguments"] for piece in pieces) == WHOLE["arguments"]
    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["function_call"]
    assert not any("tool_calls" in choice["delta"] for choice in choices)


@pytest.mark.parametrize("reason", ["stop", "length"])
def test_an_answer_that_calls_nothing_is_as_ever(reason: events.FinishReason) -> None:
    happened = heard("hello", reason=reason)
    assert body(job(), happened) == body(job(older=False), happened)
    assert streamed(job(), happened) == streamed(job(older=False), happened)

"""A custom tool's call is shown with the text that it is given, in a body and in a stream."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tasks.values import events, results
from tasks.values.events import CallDelta, Delta, Event
from tasks.values.job import Job, RenderOptions
from tasks.values.requests import CompletionRequest, Tool
from tests.web.render import told
from tests.workers.engines.rows import chat
from tests.workers.engines.rows import job as made
from web.render.text import chat as render
from web.render.text import completions

PIECES = (
    CallDelta(0, "call_0", "write"),
    CallDelta(0, arguments='{"input": "say \\"'),
    CallDelta(0, arguments='hi\\"\\n"}'),
)
WRITTEN = {"id": "call_0", "type": "custom", "custom": {"name": "write", "input": 'say "hi"\n'}}
LOOK = (CallDelta(1, "call_1", "look"), CallDelta(1, arguments='{"input": 1}'))
LOOKED = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"input": 1}'}}


def job() -> Job:
    asked = chat("hi", tools=(Tool("write"), Tool("look")))
    return msgspec.structs.replace(asked, options=RenderOptions(custom_tools=("write",)), model="m")


def heard(*calls: CallDelta) -> list[Event]:
    deltas: list[Event] = [Delta("", calls=(call,)) for call in calls]
    return [events.Started(1, 3), *deltas, Delta("", 0, "tool_calls"), events.Done()]


def body(of: Job, heard: list[Event]) -> list[dict[str, Any]]:
    message = msgspec.json.decode(render.body(of, results.fold(of.payload, heard)).data)["choices"][0]["message"]
    return list(message["tool_calls"])


def streamed(of: Job, heard: list[Event]) -> list[dict[str, Any]]:
    deltas = [choice["delta"] for chunk in told.chunks(render.chunks(of), heard) for choice in chunk["choices"]]
    return [call for delta in deltas for call in delta.get("tool_calls", [])]


def test_a_body_shows_the_text() -> None:
    assert body(job(), heard(*PIECES, *LOOK)) == [WRITTEN, LOOKED]


def test_a_stream_shows_it_when_it_is_whole() -> None:
    assert streamed(job(), heard(*PIECES)) == [{"index": 0, **WRITTEN}]
    first, *rest = streamed(job(), heard(*PIECES, *LOOK))
    assert first == {"index": 0, **WRITTEN}
    assert [call["index"] for call in rest] == [1, 1] and rest[0]["function"]["name"] == "look"


def test_two_calls_of_it_are_two() -> None:
    second = (CallDelta(1, "call_1", "write"), CallDelta(1, arguments='{"input":""}'))
    assert [call["custom"]["input"] for call in streamed(job(), heard(*PIECES, *second))] == ['say "hi"\n', ""]


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ('{"input": "cut of', "cut of"),
        ('{"input": "cut"', "cut"),
        ('{"input": 5}', '{"input": 5}'),
        ('{"other": "a"}', '{"other": "a"}'),
        ("no JSON", "no JSON"),
        ("", ""),
    ],
)
def test_what_the_model_did_not_write_well_is_shown_as_far_as_it_is_there(arguments: str, shown: str) -> None:
    told = heard(CallDelta(0, "call_0", "write"), CallDelta(0, arguments=arguments))
    for calls in (body(job(), told), streamed(job(), told)):
        assert [call["custom"]["input"] for call in calls] == [shown]


@pytest.mark.parametrize("with_usage", [False, True])
def test_every_chunk_of_a_stream_tells_the_usage_so_far_where_that_is_wanted(with_usage: bool) -> None:
    of = msgspec.structs.replace(
        chat("hi", count_tokens=True), options=RenderOptions(include_usage=with_usage), model="m"
    )
    happened: list[Event] = [
        events.Started(1, 3),
        Delta("one", tokens=1),
        Delta("two", tokens=2),
        Delta("", 0, "stop", tokens=1),
        events.Done(events.Usage(3, 4)),
    ]
    found = told.chunks(render.chunks(of), happened)
    used = [(chunk["usage"]["prompt_tokens"], chunk["usage"]["completion_tokens"]) for chunk in found]
    assert used == [(3, 0), (3, 1), (3, 3), (3, 4), *([(3, 4)] if with_usage else [])]


def test_so_does_a_completion_s() -> None:
    of = msgspec.structs.replace(made(CompletionRequest(("hi",), count_tokens=True)), model="m")
    happened: list[Event] = [events.Started(1, 3), Delta("one", tokens=1), Delta("", 0, "stop", tokens=1)]
    found = told.chunks(completions.chunks(of), happened)
    assert [chunk["usage"]["total_tokens"] for chunk in found] == [4, 5]

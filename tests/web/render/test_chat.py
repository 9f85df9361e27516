"""A stream's chunks add up to the body of the same job, whatever the events were."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import events, fold
from tasks.events import Event
from tasks.job import Job
from tests.workers.engines.rows import chat
from web.render import chat as render

TEXTS = st.lists(st.text(max_size=5), max_size=6)


def job(**options: Any) -> Job:
    return msgspec.structs.replace(chat("hi"), options=options, model="m")


def chunks(of: Job, told: list[Event]) -> list[dict[str, Any]]:
    render_one = render.chunks(of)
    return [msgspec.json.decode(msgspec.json.encode(chunk)) for event in told for chunk in render_one(event)]


def added_up(found: list[dict[str, Any]]) -> dict[str, Any]:
    """What a client makes of a stream."""
    choices: dict[int, dict[str, Any]] = {}
    for chunk in found:
        for choice in chunk["choices"]:
            known = choices.setdefault(choice["index"], {"role": None, "content": "", "finish_reason": None})
            known["role"] = choice["delta"].get("role", known["role"])
            known["content"] += choice["delta"].get("content", "")
            known["finish_reason"] = choice["finish_reason"] or known["finish_reason"]
    usage = [chunk["usage"] for chunk in found if chunk.get("usage")]
    return {"choices": choices, "usage": usage}


@given(TEXTS, st.sampled_from(["stop", "length"]))
def test_chunks_add_up_to_the_body(texts: list[str], reason: Any) -> None:
    of = job(include_usage=True)
    used = events.Usage(3, len(texts), 1)
    told: list[Event] = [events.Started(1, 3), *(events.Delta(text) for text in texts)]
    told += [events.Delta("", finish_reason=reason), events.Done(used)]
    body = msgspec.json.decode(render.body(of, fold.fold(of.payload, told)).data)
    streamed = chunks(of, told)
    found = added_up(streamed)
    (choice,) = body["choices"]
    assert found["choices"] == {
        0: {"role": "assistant", "content": choice["message"]["content"], "finish_reason": choice["finish_reason"]}
    }
    assert found["usage"] == [body["usage"]]
    assert {(chunk["id"], chunk["model"], chunk["created"]) for chunk in streamed} == {
        (body["id"], body["model"], body["created"])
    }


def test_the_role_comes_first_and_once_also_when_an_attempt_began_anew() -> None:
    told: list[Event] = [events.Started(1, 3), events.Started(2, 3), events.Delta("a"), events.Delta("b")]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks(job(), told)]
    assert deltas == [{"role": "assistant", "content": ""}, {"content": "a"}, {"content": "b"}]


def test_who_reads_from_the_record_gets_the_role_too() -> None:
    found = chunks(job(), [events.Delta("abc", finish_reason="stop"), events.Done()])
    assert found[0]["choices"][0]["delta"]["role"] == "assistant"
    assert found[-1]["choices"][0]["finish_reason"] == "stop" and "usage" not in found[-1]


@pytest.mark.parametrize("event", [events.Progress(1, 2), events.Done(), events.Cancelled()])
def test_what_a_chunk_cannot_show_makes_none(event: Event) -> None:
    assert chunks(job(), [event]) == []


def test_ids_and_times_are_the_job_s() -> None:
    of = job()
    body = msgspec.json.decode(render.body(of, fold.TextResult((fold.Choice("a"),))).data)
    assert body["id"].endswith(of.id.removeprefix("job_")) and abs(body["created"] - time.time()) < 5

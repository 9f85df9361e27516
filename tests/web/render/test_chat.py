"""A stream's chunks add up to the body of the same job, whatever the events were."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import events, fold
from tasks.events import Delta, Event
from tasks.job import Job
from tests.web.render import told
from tests.web.render.told import DELTAS, REASONS, token
from tests.workers.engines.rows import chat
from web.render import chat as render


def job(logprobs: int | None = None, **options: Any) -> Job:
    return msgspec.structs.replace(chat("hi", n=3, logprobs=logprobs), options=options, model="m")


def chunks(of: Job, heard: list[Event]) -> list[dict[str, Any]]:
    return told.chunks(render.chunks(of), heard)


def body(of: Job, heard: list[Event]) -> dict[str, Any]:
    return dict(msgspec.json.decode(render.body(of, fold.fold(of.payload, heard)).data))


def added_up(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The choices that a client makes of a stream."""
    choices: dict[int, dict[str, Any]] = {}
    for choice in (choice for chunk in found for choice in chunk["choices"]):
        new = {"index": choice["index"], "message": {"content": "", "refusal": None}, "logprobs": None}
        known = choices.setdefault(choice["index"], new)
        text = choice["delta"].pop("content", "")
        known["message"] |= choice["delta"]
        known["message"]["content"] += text
        known["finish_reason"] = choice["finish_reason"]
        if choice["logprobs"]:
            known["logprobs"] = known["logprobs"] or {"content": [], "refusal": None}
            known["logprobs"]["content"] += choice["logprobs"]["content"]
    return [choices[index] for index in sorted(choices)]


@given(DELTAS, REASONS, st.sampled_from([None, 0, 2]))
def test_chunks_add_up_to_the_body(deltas: list[Delta], reasons: list[Any], logprobs: int | None) -> None:
    of, heard = job(logprobs, include_usage=True), told.answered(deltas, reasons)
    whole, streamed = body(of, heard), chunks(of, heard)
    spoke = {delta.index for delta in deltas if delta.text or delta.logprobs}
    for choice in whole["choices"]:
        if choice["index"] not in spoke:  # a stream has nowhere to show that there are no tokens
            choice["logprobs"] = None
    assert added_up(streamed) == whole["choices"]
    assert [chunk["usage"] for chunk in streamed if chunk["usage"]] == [whole["usage"]]
    assert {(chunk["id"], chunk["model"], chunk["created"]) for chunk in streamed} == {
        (whole["id"], whole["model"], whole["created"])
    }


def test_log_probabilities_are_shown_where_they_were_asked_for() -> None:
    likely, other = token("é", -0.25), token("e", None)
    heard: list[Event] = [
        events.Started(1, 3),
        Delta("", logprobs=(token("é", -0.25, 0, likely, other),)),
        Delta("é", finish_reason="stop"),
        events.Done(),
    ]
    shown = {"token": "é", "logprob": -0.25, "bytes": [195, 169]}
    unlikely = {"token": "e", "logprob": -9999.0, "bytes": [101]}
    content = [{**shown, "top_logprobs": [shown, unlikely]}]
    assert body(job(2), heard)["choices"][0]["logprobs"] == {"content": content, "refusal": None}
    assert body(job(), heard)["choices"][0]["logprobs"] is None
    found = [chunk["choices"][0] for chunk in chunks(job(2), heard)]
    assert [choice["delta"] for choice in found[1:]] == [{"content": ""}, {"content": "é"}, {}]
    assert [choice["logprobs"] for choice in found] == [
        None, {"content": content, "refusal": None}, {"content": [], "refusal": None}, None
    ]  # fmt: skip
    assert all(chunk["choices"][0]["logprobs"] is None for chunk in chunks(job(), heard))


def test_the_role_comes_first_and_once_also_when_an_attempt_began_anew() -> None:
    heard: list[Event] = [events.Started(1, 3), events.Started(2, 3), Delta("a"), Delta("b")]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks(job(), heard)]
    assert deltas == [{"role": "assistant", "content": ""}, {"content": "a"}, {"content": "b"}]


def test_each_answer_has_its_role_first() -> None:
    heard: list[Event] = [events.Started(1, 3), Delta("b", 1), Delta("a", 0), Delta("c", 1)]
    found = [chunk["choices"][0] for chunk in chunks(job(), heard)]
    assert [(choice["index"], "role" in choice["delta"]) for choice in found] == [
        (0, True), (1, True), (1, False), (0, False), (1, False)
    ]  # fmt: skip


def test_who_reads_from_the_record_gets_the_role_too() -> None:
    found = chunks(job(), [Delta("abc", finish_reason="stop"), events.Done()])
    assert found[0]["choices"][0]["delta"]["role"] == "assistant"
    assert found[-1]["choices"][0]["finish_reason"] == "stop" and "usage" not in found[-1]


@pytest.mark.parametrize("event", [events.Progress(1, 2), events.Done(), events.Cancelled()])
def test_what_a_chunk_cannot_show_makes_none(event: Event) -> None:
    assert chunks(job(), [event]) == []


def test_ids_and_times_are_the_job_s() -> None:
    of = job()
    whole = body(of, [events.Started(1), Delta("a"), events.Done()])
    assert whole["id"].endswith(of.id.removeprefix("job_")) and abs(whole["created"] - time.time()) < 5

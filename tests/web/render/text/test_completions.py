"""A completion's chunks have the form of its body and add up to it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.values import events, results
from tasks.values.events import Delta, Event
from tasks.values.job import Job, RenderOptions
from tasks.values.requests import CompletionRequest
from tests.web.render import told
from tests.web.render.told import DELTAS, REASONS, token
from tests.workers.engines import rows
from web.render.text import completions as render

LISTS = ("tokens", "token_logprobs", "top_logprobs", "text_offset")


def job(logprobs: int | None = None, **options: Any) -> Job:
    request = CompletionRequest(("a", "b", "c"), echo=True, logprobs=logprobs)
    return msgspec.structs.replace(rows.job(request), options=RenderOptions(**options), model="m")


def chunks(of: Job, heard: list[Event]) -> list[dict[str, Any]]:
    return told.chunks(render.chunks(of), heard)


def body(of: Job, heard: list[Event]) -> dict[str, Any]:
    return dict(msgspec.json.decode(render.body(of, results.fold(of.payload, heard)).data))


def added_up(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The choices that a client makes of a stream."""
    choices: dict[int, dict[str, Any]] = {}
    for choice in (choice for chunk in found for choice in chunk["choices"]):
        known = choices.setdefault(choice["index"], {**choice, "text": "", "logprobs": None})
        known["text"] += choice["text"]
        known["finish_reason"] = choice["finish_reason"]
        if choice["logprobs"] is not None:
            known["logprobs"] = known["logprobs"] or {name: [] for name in LISTS}
            for name in LISTS:
                known["logprobs"][name] += choice["logprobs"][name]
    return [choices[index] for index in sorted(choices)]


@given(DELTAS, REASONS, st.sampled_from([None, 0, 2]))
def test_chunks_add_up_to_the_body(deltas: list[Delta], reasons: list[Any], logprobs: int | None) -> None:
    of, heard = job(logprobs, include_usage=True), told.answered(deltas, reasons)
    whole, streamed = body(of, heard), chunks(of, heard)
    assert added_up(streamed) == whole["choices"]
    assert [chunk["usage"] for chunk in streamed] == [None] * (len(streamed) - 1) + [whole["usage"]]
    assert {(chunk["id"], chunk["object"], chunk["model"], chunk["created"]) for chunk in streamed} == {
        (whole["id"], "text_completion", whole["model"], whole["created"])
    }


def test_a_reason_stands_in_the_last_chunk_of_its_answer_and_usage_only_where_it_was_asked_for() -> None:
    heard: list[Event] = [events.Started(1), Delta("a"), Delta(""), Delta("b", finish_reason="length"), events.Done()]
    found = chunks(job(), heard)
    assert [(choice["text"], choice["finish_reason"]) for chunk in found for choice in chunk["choices"]] == [
        ("a", None),
        ("b", "length"),
    ]
    assert all("usage" not in chunk for chunk in found)


def test_log_probabilities_are_lists_beside_each_other() -> None:
    first, second = token("Once", None), token(" up", -0.5, 4, token(" on", -0.25), token(" on", -3.0))
    heard: list[Event] = [Delta("Once up", logprobs=(first, second), finish_reason="stop"), events.Done()]
    shown = {
        "tokens": ["Once", " up"],
        "token_logprobs": [None, -0.5],
        "top_logprobs": [None, {" on": -0.25, " up": -0.5}],
        "text_offset": [0, 4],
    }
    assert body(job(2), heard)["choices"][0]["logprobs"] == shown
    assert chunks(job(2), heard)[0]["choices"][0]["logprobs"] == shown
    assert body(job(), heard)["choices"][0]["logprobs"] is None


@pytest.mark.parametrize("event", [events.Started(1), events.Progress(1, 2), events.Done(), events.Cancelled()])
def test_what_a_chunk_cannot_show_makes_none(event: Event) -> None:
    assert chunks(job(), [event]) == []

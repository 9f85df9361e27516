"""A body that is written while its job is made: complete, refused before it begins, or visibly broken off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext

import pytest
from flask import Flask

from tasks.redis.stream_entries import StreamEntry
from tasks.values import events
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import Failure, QueueUnavailable
from tasks.values.requests import SpeechRequest
from tests.workers.engines import rows
from web import streamed_body
from web.http.wire.disconnect import ClientGone
from web.render.speech.audio_speech import Audio
from web.waiting import EventInbox

JOB = rows.job(SpeechRequest(text="Hello.", seed=1))
STARTED, DONE = events.Started(1, 6), events.Done()
FAILED = events.Failed(Failure("engine_error", "no"))


def chunk(number: int) -> events.AudioChunk:
    return events.AudioChunk(number, BlobRef(f"{number}", 1, "audio/mpeg"), 0.5)


def answer(come: Iterator[list[StreamEntry]]) -> tuple[int, str, Iterator[bytes]]:
    body = Audio(JOB, lambda ref: ref.sha256.encode())
    with Flask("web").test_request_context():
        response = streamed_body.respond(JOB, body, nullcontext(), come, EventInbox())
        return response.status_code, response.content_type, response.iter_encoded()


def arrivals(*come: Sequence[events.Event] | Exception) -> Iterator[list[StreamEntry]]:
    for several in come:
        if isinstance(several, Exception):
            raise several
        yield [("1-1", event) for event in several]


def test_it_is_written_as_it_comes_and_pauses_where_nothing_came() -> None:
    come = arrivals([], [STARTED], [], [chunk(0), events.Progress(1, 2)], [], [events.Progress(2, 2)], [chunk(1), DONE])
    status, kind, pieces = answer(come)
    assert (status, kind, list(pieces)) == (200, "audio/mpeg", [b"0", b"", b"1"])


def test_what_a_later_attempt_makes_again_is_written_once() -> None:
    come = arrivals([STARTED, chunk(0), chunk(1)], [events.Started(2, 6), chunk(0)], [chunk(1), chunk(2)], [DONE])
    assert b"".join(answer(come)[2]) == b"012"


@pytest.mark.parametrize("ended", [FAILED, events.Cancelled(), events.Expired()])
def test_what_goes_wrong_before_it_is_told_as_anywhere(ended: events.Event) -> None:
    status, kind, pieces = answer(arrivals([], [STARTED], [ended]))
    assert status >= 400 and kind == "application/json" and b'"error"' in b"".join(pieces)


@pytest.mark.parametrize("ended", [[FAILED], [events.Cancelled()], [events.Expired()], QueueUnavailable("away")])
def test_what_goes_wrong_later_breaks_it_off(ended: list[events.Event] | Exception) -> None:
    status, _, pieces = answer(arrivals([STARTED, chunk(0)], ended))
    assert status == 200 and next(pieces) == b"0"
    with pytest.raises(streamed_body.BrokenOff):
        list(pieces)


def test_nothing_is_wrong_when_the_client_is_gone() -> None:
    assert list(answer(arrivals([STARTED, chunk(0)], ClientGone()))[2]) == [b"0"]


def test_all_may_be_there_at_once() -> None:
    assert list(answer(arrivals([STARTED, chunk(0), chunk(1), DONE]))[2]) == [b"01"]

"""What the client of a stream is sent, as its events come."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from tasks.redis.stream_entries import StreamEntry
from tasks.values import events
from tasks.values.errors import QueueUnavailable
from tasks.values.job import Job
from tasks.values.messages import Message
from tasks.values.requests import ChatRequest
from tests.workers.engines import rows
from web import calls
from web.http.anthropic import ANTHROPIC
from web.http.errors import OPENAI, Dialect
from web.http.wire import sse
from web.render.text.chunks import Plain

JOB: Job = rows.job(ChatRequest((Message("user", "word"),)))
STARTED, WORD, SILENT = events.Started(1, 3), events.Delta("word"), events.Delta("")
DONE = events.Done(events.Usage(3, 1))


def chunks(event: events.Event) -> Iterator[object]:
    """A client is shown text only."""
    if isinstance(event, events.Delta) and event.text:
        yield event.text


def sent(first: list[events.Event], come: Iterator[list[StreamEntry]], dialect: Dialect) -> Iterator[bytes]:
    """What a client of this API is sent."""
    return calls.frames(first, come, Plain(JOB, chunks, dialect), dialect)


def arrivals(splits: list[int]) -> list[list[StreamEntry]]:
    """The events of an answer, so many at a time; none at 0."""
    left: list[StreamEntry] = [("1-1", WORD), ("1-2", SILENT), ("1-3", WORD), ("1-4", DONE)]
    come: list[list[StreamEntry]] = []
    for split in splits:
        come.append(left[:split])
        del left[:split]
    return [*come, left] if left else come


@given(st.lists(st.integers(0, 3), max_size=8))
def test_a_stream_pauses_where_nothing_came_and_nowhere_else(splits: list[int]) -> None:
    come = arrivals(splits)
    last = next(at for at, some in enumerate(come) if some and some[-1][1] is DONE)
    come = come[: last + 1]
    frames = list(sent([STARTED], iter(come), OPENAI))
    assert frames.count(b"") == sum(not some for some in come)
    assert frames[-1] == sse.DONE and b"".join(frames).count(b"word") == 2


def test_a_stream_of_which_nothing_is_known_begins_with_a_sign_of_life() -> None:
    assert next(sent([], iter([]), OPENAI)) == sse.KEEP_ALIVE
    assert list(sent([], iter([]), ANTHROPIC)) == [b'event: ping\ndata: {"type":"ping"}\n\n']


def test_a_stream_that_fails_says_so_as_its_api_does() -> None:
    def lost() -> Iterator[list[StreamEntry]]:
        yield []
        raise QueueUnavailable("gone")

    *_, told, done = sent([STARTED], lost(), OPENAI)
    assert b'"code":"queue_unavailable"' in told and done == sse.DONE
    *_, told = sent([STARTED], lost(), ANTHROPIC)
    error = {"type": "error", "error": {"type": "api_error", "message": "gone"}, "request_id": JOB.request_id}
    assert told == sse.data(error) and told.startswith(b"event: error\n")


def test_a_stream_that_has_begun_begins_with_what_is_shown_of_it() -> None:
    assert next(sent([STARTED], iter([[("1-1", WORD)]]), OPENAI)) == b'data: "word"\n\n'

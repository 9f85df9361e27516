"""The entries of a job's stream: read, put in order, and made anew from the record when the stream has gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import structlog

from tasks.redis.store import JobStore
from tasks.values import events, replay, results
from tasks.values.errors import Failure, UnreadableRecord
from tasks.values.events import Event
from tasks.values.job import Record

StreamEntry: TypeAlias = tuple[str, Event]
log = structlog.get_logger()


def readable(data: bytes) -> Event:
    """The event in these bytes; the end of the reading, with the reason, where this version cannot read it."""
    try:
        return events.decode(data)
    except Exception as error:
        log.error("an event cannot be read", error=str(error))
        message = "this answer was written by another version of mlxq, or is damaged, and cannot be read here"
        return events.Failed(Failure(UnreadableRecord.code, message))


def recorded(store: JobStore, record: Record, last: str) -> Iterator[StreamEntry]:
    """What a finished job's record tells, after the id `last`, when the stream has gone."""
    if record.terminal is None or not before(last, record.last):
        return
    attempt, number = (int(part) for part in record.last.split("-"))
    replayed = list(rebuilt(store.result(record))) if record.result is not None else []
    for index, event in enumerate(replayed):  # fewer than there were, so these ids have all been given
        entry_id = f"{attempt}-{number - len(replayed) + index}"
        if before(last, entry_id):
            yield entry_id, event
    yield record.last, record.terminal


def rebuilt(result: results.Result) -> Iterator[Event]:
    """Events that fold to this result, for a reader that comes when the stream has gone."""
    if isinstance(result, results.TextResult):
        for index, choice in enumerate(result.choices):
            yield from replay.deltas(choice, index)
    elif isinstance(result, results.TranscriptResult):
        yield events.Recording(result.seconds, result.language, result.language_name)
        yield from result.segments
    elif isinstance(result, results.SpeechResult):
        yield from result.chunks
    elif isinstance(result, results.PicturesResult):
        yield from result.pictures


def before(last: str, entry_id: str) -> bool:
    """Whether an id comes before another one."""
    return _pair(last) < _pair(entry_id)


def _pair(entry_id: str) -> tuple[int, int]:
    attempt, _, number = entry_id.partition("-")
    return int(attempt), int(number or 0)


def rows(answer: object) -> Iterator[tuple[str, list[tuple[bytes, dict[bytes, bytes]]]]]:
    """XREAD's answer in either protocol: a list of pairs (RESP2), or a mapping to lists of lists (RESP3)."""
    if isinstance(answer, dict):
        for key, batches in answer.items():
            yield key.decode(), [entry for batch in batches for entry in batch]
    elif isinstance(answer, list):
        for key, entries in answer:
            yield key.decode(), entries

"""What a stream's client is told of a job's events, whatever the endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from tasks.values import events
from tasks.values.errors import Failure
from tasks.values.job import Job
from web.http.errors import Dialect
from web.render.failure import failure


class Chunks(Protocol):
    """Turns a job's events into the data of a stream, in their order."""

    def opening(self) -> Iterator[object]:
        """What can be told before anything has happened."""

    def of(self, several: Sequence[events.Event]) -> Iterator[object]:
        """What events tell that came at once."""

    def broken(self, failure: Failure) -> Iterator[object]:
        """What is told last when nobody knows how the job goes on."""


class StreamedBody(Protocol):
    """Turns a job's events into the bytes of a body that is written as it is made."""

    content_type: str

    def of(self, several: Sequence[events.Event]) -> bytes:
        """What events add that came at once, which may be nothing."""


class Plain:
    """Chunks of one event after the other: deltas that came at once are one, and failures are told in the dialect."""

    def __init__(self, job: Job, each: Callable[[events.Event], Iterator[object]], dialect: Dialect) -> None:
        self._job, self._each, self._dialect = job, each, dialect

    def opening(self) -> Iterator[object]:
        """Nothing."""
        yield from ()

    def of(self, several: Sequence[events.Event]) -> Iterator[object]:
        """What the joined events tell."""
        for event in events.joined(several):
            if isinstance(event, events.UNSUCCESSFUL):
                yield from self.broken(failure(self._job, event))
            yield from self._each(event)

    def broken(self, failure: Failure) -> Iterator[object]:
        """The error, as the API tells it."""
        yield self._dialect.error(failure, self._job.request_id)

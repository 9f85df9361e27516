"""A response's events. What has a number is a pure function of the job's events, so it can be told again later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tasks.redis.job_scripts import STATUS
from tasks.values import events
from tasks.values.errors import Failure
from tasks.values.job import Job
from tasks.values.responses import Asked
from web.http.errors import envelope
from web.render.failure import failure
from web.render.responses import body
from web.render.responses.output import Event, Output

CHANGED = Failure("worker_lost", "the answer was begun anew, and is another one; read the response when it has ended")


class Stream:
    """The events behind the number `after`; -1 is before the first.

    An attempt that begins anew tells the same events again, of which nobody hears twice. When they are others, as after
    a change of the model, the stream breaks.
    """

    def __init__(self, job: Job, asked: Asked, after: int = -1) -> None:
        self._job, self._asked, self._after = job, asked, after
        self._told: list[int] = []  # what tells each event from another one
        self._over = False
        self._anew()

    def _anew(self) -> None:
        self._number, self._begun = 0, False
        self._output = Output(self._job)
        self._reason: events.FinishReason | None = None

    def opening(self) -> Iterator[object]:
        """The events by which a stream begins: the response was created, and is queued if it runs in the background."""
        if self._number == 0:
            yield from self._numbered({"type": "response.created", "response": self._standing(self._first)})
            if self._first == "queued":
                yield from self._numbered({"type": "response.queued", "response": self._standing("queued")})

    @property
    def _first(self) -> str:
        response = self._job.options.response
        return "queued" if response is not None and response.background else "in_progress"

    def of(self, several: Sequence[events.Event]) -> Iterator[object]:
        """The events of the stream for events of the job that came at once."""
        for event in several:
            if not self._over:
                yield from self._of(event)

    def _of(self, event: events.Event) -> Iterator[object]:
        if isinstance(event, events.Started):
            self._anew()
            yield from self._begin()
        elif isinstance(event, events.Delta):
            yield from self._begin()
            self._reason = event.finish_reason or self._reason
            for event_shown in self._output.take(event):
                yield from self._numbered(event_shown)
        elif isinstance(event, events.Done):
            yield from self._begin()
            response = body.done(self._job, self._asked, self._output, self._reason, event)
            yield from self._numbered({"type": f"response.{response['status']}", "response": response})
            self._over = True
        elif isinstance(event, events.UNSUCCESSFUL):
            yield from self.opening()
            response = body.ended(self._job, self._asked, STATUS[type(event)], failure(self._job, event))
            yield from self._last({"type": "response.failed", "response": response})

    def broken(self, failure: Failure) -> Iterator[object]:
        """The last event of a stream that cannot go on."""
        fields = envelope(failure)
        error = {"type": "error", "code": fields["code"], "message": fields["message"], "param": fields["param"]}
        self._over = True
        yield {**error, "sequence_number": max(self._number, self._after + 1)}

    def _begin(self) -> Iterator[object]:
        """The event of work that begins, once; a stream that is made of a record has no Started event."""
        if not self._begun:
            yield from self.opening()
            self._begun = True
            yield from self._numbered({"type": "response.in_progress", "response": self._standing("in_progress")})

    def _standing(self, status: str) -> dict[str, Any]:
        return body.head(self._job, self._asked, status)

    def _numbered(self, event: Event) -> Iterator[object]:
        number, self._number = self._number, self._number + 1
        mark = hash(repr(event))
        if number == len(self._told):
            self._told.append(mark)
        elif self._told[number] != mark and not self._over:
            yield from self.broken(CHANGED)
        if number > self._after and not self._over:
            self._after = number
            yield {**event, "sequence_number": number}

    def _last(self, event: Event) -> Iterator[object]:
        """A failure, which is told in any case: a record does not know how many events there were before it."""
        if not self._over:
            self._over = True
            yield {**event, "sequence_number": max(self._number, self._after + 1)}

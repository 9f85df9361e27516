"""The one thread that owns an engine: it admits between steps, publishes each step's events, and drops what is over."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import structlog

from tasks import events, fold
from tasks.errors import EngineError, Failure, JobError
from tasks.events import Event
from tasks.job import Lane
from tasks.ledger import Claim, Lines, Published
from tasks.scripts import AWAY
from workers.engine import Engine, Prepared

# A job of a later lane goes before an interactive one when it has waited this much longer, in milliseconds: so
# interactive work goes first and bulk work never starves.
HANDICAP = {Lane.INTERACTIVE: 0, Lane.JOBS: 30_000, Lane.BATCH: 120_000}
_RETRY = 0.1  # seconds between tries while Redis is away
T = TypeVar("T")
log = structlog.get_logger()


class Ledger(Protocol):
    """What the batcher asks of `tasks.ledger.Ledger`."""

    def begin(self, claim: Claim, prompt_tokens: int) -> bool: ...

    def publish(self, rows: Sequence[Lines], cursor: str) -> Published: ...

    def finish(self, claim: Claim, event: events.Terminal, result: fold.Result | None = None) -> bool: ...

    def hand_back(self, claim: Claim) -> None: ...


@dataclass
class Row:
    """A claimed job in this process, from its delivery to its end."""

    claim: Claim
    prepared: Prepared[Any]
    over: threading.Event = field(default_factory=threading.Event)
    told: list[Event] = field(default_factory=list)
    number: int = 1  # of the last event in the stream; Started was the first


class Batcher:
    """Runs claimed jobs on one engine. `submit` and `stop` may be called from any thread, `run` owns the engine."""

    def __init__(self, engine: Engine[Any], ledger: Ledger) -> None:
        self._engine, self._ledger = engine, ledger
        self._reserved = engine.slots // 8
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, int, Row]] = []
        self._order = itertools.count()
        self._rows: dict[str, Row] = {}
        self._cursor = "0-0"
        self._stop_at: float | None = None
        self._stepped = time.monotonic()

    def submit(self, claim: Claim, prepared: Prepared[Any]) -> threading.Event:
        """Queue a claimed and checked job; the event is set when this process has nothing more to do for it."""
        row = Row(claim, prepared)
        with self._changed:
            key = claim.job.created + HANDICAP[claim.job.lane]
            heapq.heappush(self._waiting, (key, next(self._order), row))
            self._changed.notify()
        return row.over

    def stop(self, grace: float) -> None:
        """Admit nothing more; after `grace` seconds hand what still runs back to the queue and return from `run`."""
        with self._changed:
            self._stop_at = time.monotonic() + grace
            self._changed.notify()

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stop_at is not None

    def stalled(self) -> float:
        """Seconds since the engine last came back from a step that it is in; 0 when it has nothing to do."""
        return time.monotonic() - self._stepped if self._rows else 0.0

    def run(self) -> None:
        """Step until stopped."""
        while not self._finished():
            self._admit()
            if self._rows:
                self._publish(self._step())
        for row in [*self._rows.values(), *(row for _, _, row in self._waiting)]:
            self._insist(lambda row=row: self._ledger.hand_back(row.claim))  # type: ignore[misc]
            row.over.set()

    def _finished(self) -> bool:
        with self._changed:
            while not self._rows and not self._waiting and self._stop_at is None:
                self._changed.wait()
            self._stepped = time.monotonic()
            return self._stop_at is not None and (not self._rows or time.monotonic() > self._stop_at)

    def _admit(self) -> None:
        while (row := self._next()) is not None:
            job = row.claim.job
            if not self._insist(lambda row=row: self._ledger.begin(row.claim, row.prepared.prompt_tokens)):  # type: ignore[misc]
                row.over.set()  # cancelled, expired or taken away while it waited here
                continue
            self._rows[job.id] = row
            try:
                self._engine.admit(job.id, row.prepared)
            except Exception as error:
                self._end(row, events.Failed(_failure(error)))

    def _next(self) -> Row | None:
        with self._changed:
            if not self._waiting or self._stop_at is not None or len(self._rows) >= self._engine.slots:
                return None
            row = self._choose()
            if row is None or (self._rows and (row.claim.alone or any(o.claim.alone for o in self._rows.values()))):
                return None
            self._waiting = [entry for entry in self._waiting if entry[2] is not row]
            heapq.heapify(self._waiting)
            return row

    def _choose(self) -> Row | None:
        first = self._waiting[0][2]
        bulk = sum(row.claim.job.lane is not Lane.INTERACTIVE for row in self._rows.values())
        if first.claim.job.lane is Lane.INTERACTIVE or bulk < self._engine.slots - self._reserved:
            return first
        entries = (entry for entry in self._waiting if entry[2].claim.job.lane is Lane.INTERACTIVE)
        return min(entries, default=(0, 0, None))[2]

    def _step(self) -> Sequence[tuple[str, Event]]:
        try:
            return self._engine.step()
        except Exception as error:
            log.exception("the engine failed", rows=len(self._rows))
            return [(job_id, events.Failed(_failure(error))) for job_id in self._rows]

    def _publish(self, produced: Iterable[tuple[str, Event]]) -> None:
        ends: list[tuple[Row, events.Terminal]] = []
        lines: dict[str, Lines] = {}
        for job_id, event in produced:
            row = self._rows[job_id]
            row.told.append(event)
            if isinstance(event, events.TERMINAL):
                ends.append((row, event))
            elif not isinstance(event, events.Vector):
                row.number += 1
                line = lines.setdefault(job_id, Lines(row.claim, [], None))
                percent = (
                    100 * event.done // max(event.total, 1) if isinstance(event, events.Progress) else line.progress
                )
                lines[job_id] = Lines(row.claim, [*line.numbered, (row.number, event)], percent)
        published = self._insist(lambda: self._ledger.publish(list(lines.values()), self._cursor))
        self._cursor = published.cursor
        for row, event in ends:
            self._end(row, event)
        self._forget(published.refused | published.cancelled)

    def _end(self, row: Row, event: events.Terminal) -> None:
        job = row.claim.job
        result = fold.fold(job.payload, row.told) if isinstance(event, events.Done) else None
        self._insist(lambda: self._ledger.finish(row.claim, event, result))
        if not isinstance(event, events.Done):
            self._engine.drop(job.id)
        del self._rows[job.id]
        row.over.set()

    def _forget(self, job_ids: set[str]) -> None:
        for job_id in job_ids & self._rows.keys():
            log.info("a row was taken away: its job ended or is another's now", job_id=job_id)
            self._engine.drop(job_id)
            self._rows.pop(job_id).over.set()
        with self._changed:
            kept = [entry for entry in self._waiting if entry[2].claim.job.id not in job_ids]
            for _, _, row in self._waiting:
                if row.claim.job.id in job_ids:
                    row.over.set()
            self._waiting = kept
            heapq.heapify(self._waiting)

    def _insist(self, call: Callable[[], T]) -> T:
        """Do this however long Redis is away; every call to the ledger may be made twice."""
        while True:
            try:
                return call()
            except AWAY as error:
                log.warning("the queue is away; the batch waits for it", error=str(error))
                time.sleep(_RETRY)


def _failure(error: Exception) -> Failure:
    if isinstance(error, JobError):
        return error.failure
    return Failure(EngineError.code, f"the engine failed: {type(error).__name__}: {error}")

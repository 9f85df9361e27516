"""The one thread that owns an engine: it admits between steps, and drops what is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from tasks import events
from tasks.errors import EngineError, Failure, JobError
from tasks.events import Event
from tasks.job import Lane
from tasks.ledger import Claim, Dropped
from workers.engine import Engine, Prepared
from workers.scribe import Ledger, Row, Scribe, Step

# A job of a later lane goes before an interactive one when it has waited this much longer, in milliseconds: so
# interactive work goes first and bulk work never starves.
HANDICAP = {Lane.INTERACTIVE: 0, Lane.JOBS: 30_000, Lane.BATCH: 120_000}
log = structlog.get_logger()


class Batcher:
    """Runs claimed jobs on one engine. `submit` and `stop` may be called from any thread, `run` owns the engine."""

    def __init__(self, engine: Engine[Any], ledger: Ledger) -> None:
        self._engine, self._scribe = engine, Scribe(ledger)
        self._reserved = engine.slots // 8
        self._changed = threading.Condition()
        self._waiting: list[Row] = []
        self._rows: dict[str, Row] = {}
        self._stop_at: float | None = None
        self._ended = False
        self._stepped = time.monotonic()

    def submit(self, claim: Claim, prepared: Prepared[Any]) -> threading.Event:
        """Queue a claimed and checked job; the event is set when this process has nothing more to do for it."""
        row = Row(claim, prepared)
        with self._changed:
            if not self._ended:
                self._waiting.append(row)
                self._changed.notify()
                return row.over
        self._scribe.hand_back(row)  # it was claimed before the stop and checked after it
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
            self._forget(self._scribe.dropped())
            self._admit()
            if self._rows:
                self._scribe.add(self._step(), self._alive)
        self._scribe.flush(self._alive)
        with self._changed:
            self._ended, left = True, [*self._rows.values(), *self._waiting]
        for row in left:
            self._scribe.hand_back(row)

    def _finished(self) -> bool:
        with self._changed:
            while not self._rows and not self._waiting and self._stop_at is None:
                self._changed.wait()
            self._alive()
            return self._stop_at is not None and (not self._rows or time.monotonic() > self._stop_at)

    def _alive(self) -> None:
        self._stepped = time.monotonic()

    def _admit(self) -> None:
        begun: dict[str, Row] = {}
        while (row := self._next(begun)) is not None:
            begun[row.claim.job.id] = row
        if not begun:
            return
        # Written before the engine sees them: a job that was cancelled never starts, and one that kills this process
        # is known to have run.
        self._scribe.add(Step(list(begun.values())), self._alive)
        self._scribe.flush(self._alive)
        self._rows |= begun
        self._forget(self._scribe.dropped())
        refused: list[tuple[Row, Event]] = []
        for job_id, row in begun.items():
            if job_id not in self._rows:
                continue
            try:
                self._engine.admit(job_id, row.prepared)
            except Exception as error:
                log.exception("the engine took no row", job_id=job_id, request_id=row.claim.job.request_id)
                del self._rows[job_id]
                refused.append((row, events.Failed(_failure(error))))
        if refused:
            self._scribe.add(Step(produced=refused), self._alive)

    def _next(self, begun: Mapping[str, Row]) -> Row | None:
        rows = {**self._rows, **begun}
        with self._changed:
            if not self._waiting or self._stop_at is not None or len(rows) >= self._engine.slots:
                return None
            row = self._choose(rows.values())
            if row is None or (rows and (row.claim.alone or any(other.claim.alone for other in rows.values()))):
                return None
            if not self._engine.room([*(other.prepared for other in begun.values()), row.prepared]):
                return None
            if row.claim.job.id in rows:  # an attempt that was taken from us still stands there, for one step
                return None
            self._waiting = [other for other in self._waiting if other is not row]
            return row

    def _choose(self, rows: Iterable[Row]) -> Row | None:
        lane = min((row.claim.job for row in self._waiting), key=lambda job: job.created + HANDICAP[job.lane]).lane
        bulk = sum(row.claim.job.lane is not Lane.INTERACTIVE for row in rows)
        if bulk >= self._engine.slots - self._reserved:
            lane = Lane.INTERACTIVE
        entries = (row for row in self._waiting if row.claim.job.lane is lane)
        return min(entries, key=lambda row: row.claim.job.place, default=None)

    def _step(self) -> Step:
        try:
            produced = self._engine.step()
        except Exception as error:
            requests = [row.claim.job.request_id for row in self._rows.values()]
            log.exception("the engine failed", jobs=list(self._rows), request_ids=requests)
            produced = [(job_id, events.Failed(_failure(error))) for job_id in self._rows]
        step = Step(produced=[(self._rows[job_id], event) for job_id, event in produced])
        for job_id, event in produced:
            if isinstance(event, events.TERMINAL):
                del self._rows[job_id]
                if not isinstance(event, events.Done):
                    self._engine.drop(job_id)
        return step

    def _forget(self, dropped: Dropped) -> None:
        if not any(dropped):
            return
        for job_id, row in list(self._rows.items()):
            if dropped.holds(row.claim):
                log.info(
                    "a row was taken away: its job ended or is another's now",
                    job_id=job_id,
                    request_id=row.claim.job.request_id,
                )
                self._engine.drop(job_id)
                del self._rows[job_id]
                row.over.set()
        with self._changed:
            for row in self._waiting:
                if dropped.holds(row.claim):
                    row.over.set()
            self._waiting = [row for row in self._waiting if not row.over.is_set()]


def _failure(error: Exception) -> Failure:
    if isinstance(error, JobError):
        return error.failure
    return Failure(EngineError.code, f"the engine failed: {type(error).__name__}: {error}")

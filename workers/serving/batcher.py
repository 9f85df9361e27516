"""The one thread that owns an engine: it admits between steps, pauses bulk rows for people, and drops what is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog

from tasks.redis.claims import Claim, Dropped
from tasks.values import events
from tasks.values.errors import EngineError, Failure, JobError
from tasks.values.events import Event
from tasks.values.job import Lane
from tasks.values.model import Vitals
from workers.engine import Engine, Prepared
from workers.serving import memory
from workers.serving.admission_queue import AdmissionQueue
from workers.serving.burst_delay import BurstDelay
from workers.serving.event_writer import ClaimedJob, Claims, EventWriter, Step

_FIRST = 0.5  # seconds that an engine waits, once it is ready, for those who waited for it, before it warms up further
_GATHER = 0.005  # seconds that an engine with nothing to do waits for the rest of those who come together
log = structlog.get_logger()


class Batcher:
    """Runs claimed jobs on one engine. `submit` and `stop` may be called from any thread, `run` owns the engine.

    `clock` tells how long rows have waited, in seconds.
    """

    def __init__(self, engine: Engine[Any], claims: Claims, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._writer = engine, EventWriter(claims)
        self._reserved = engine.slots // 8
        self._changed = threading.Condition()
        self._clock, self._waiting = clock, AdmissionQueue(clock)
        self._rows: dict[str, ClaimedJob] = {}
        self._joining: dict[str, ClaimedJob] = {}  # chosen for the next step
        self._burst_delay = BurstDelay()
        self._stop_at: float | None = None
        self._ended = False
        self.sparing = self._relieving = self._beginning = False
        self._expected = 0
        self._steps = 0
        self._warming, self._cold = engine.warming(), True
        self._completed = self._failed = 0
        self._looked = (clock(), 0)

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """Say that a job is being claimed and checked, so that an engine that would begin without it waits a little."""
        with self._changed:
            self._expected += 1
        try:
            yield
        finally:
            with self._changed:
                self._expected -= 1
                self._changed.notify()

    def submit(self, claim: Claim, prepared: Prepared[Any]) -> threading.Event:
        """Queue a claimed and checked job; the event is set when this process has nothing more to do for it."""
        row = ClaimedJob(claim, prepared)
        if self._has_place(row) and not self._writer.begin(row):
            row.over.set()  # its job has ended
            return row.over
        with self._changed:
            if not self._ended:
                self._burst_delay.came(self._clock(), idle=not (self._rows or self._waiting.rows))
                self._waiting.add(row)
                self._changed.notify()
                return row.over
        self._writer.hand_back(row)  # it was claimed while the last rows were handed back
        return row.over

    def _has_place(self, row: ClaimedJob) -> bool:
        """Whether a row can count on joining the next step: then it begins now, and no step waits for that."""
        with self._changed:
            rows = [row, *self._rows.values(), *self._joining.values(), *self._waiting.rows]
            places = self._engine.slots - (self._reserved if row.bulk else 0)
            closed = self.sparing or self.stopping or any(each.claim.alone for each in rows)
            return not closed and len(rows) + max(0, self._expected - 1) <= places

    def stop(self, grace: float) -> None:
        """Admit nothing more; after `grace` seconds hand what still runs back to the queue and return from `run`."""
        with self._changed:
            self._stop_at = time.monotonic() + grace
            self._changed.notify()

    def spare(self, sparing: bool) -> None:
        """Let no row join others and drop what is only kept for later, as memory is short; or go on as before."""
        with self._changed:
            self._relieving, self.sparing = sparing, sparing
            self._changed.notify()

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stop_at is not None

    @property
    def writing(self) -> bool:
        """Whether what the engine does is still written down."""
        return self._writer.alive

    @property
    def step(self) -> int | None:
        """The number of the step that the engine is in; None when it has nothing to do, or the queue has."""
        return self._steps if (self._rows or self._cold) and not self._beginning else None

    def vitals(self) -> Vitals:
        """How much there is to do, and what was done; one thread may ask, now and then."""
        (then, before), now = self._looked, (self._clock(), self._engine.generated)
        self._looked = now
        pace = (now[1] - before) / (now[0] - then) if now[0] > then else 0.0
        return Vitals(
            len(self._rows),
            len(self._waiting.rows),
            self._completed,
            self._failed,
            now[1],
            pace,
            self._engine.device_memory(),
        )

    def run(self) -> None:
        """Step until stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting.rows or self._stop_at is not None, _FIRST)
        while not self._finished():
            if self._relieving:
                self._relieving = False
                self._engine.relieve()
                memory.clear()
            self._forget(self._writer.dropped())
            self._admit()
            if self._rows:
                step = self._step()
                if self._waiting.rows and not self._dangerous(step):
                    self._admit()  # that they begin is waited for, so it is written before what the step has made
                self._writer.add(step, self._alive)
            elif self._cold:
                self._warm()
        self._writer.flush(self._alive)
        with self._changed:
            self._ended, left = True, [*self._rows.values(), *self._waiting.rows]
        for row in left:
            self._writer.hand_back(row)

    def _finished(self) -> bool:
        with self._changed:
            while not (self._rows or self._waiting.rows or self._cold or self._relieving or self._stop_at is not None):
                self._changed.wait()
            if not self._rows:
                self._gather()
            self._alive()
            return self._stop_at is not None and (not self._rows or time.monotonic() > self._stop_at)

    def _gather(self) -> None:
        def together() -> bool:
            return self._stop_at is not None or (self._burst_delay.complete and not self._expected)

        self._changed.wait_for(together, max(_GATHER, self._burst_delay.left(self._clock())))

    def _warm(self) -> None:
        """Let the engine run a piece of what it will need, while nobody needs it."""
        try:
            next(self._warming)
        except StopIteration:
            self._cold = False
        except Exception:
            log.exception("the engine could not be warmed up further; its first calls may take longer")
            self._cold = False

    def _alive(self) -> None:
        self._steps += 1

    def _admit(self) -> None:
        while self._choose_next():
            pass
        chosen = self._joining
        if not chosen:
            return
        begun = [row for row in chosen.values() if not (row.paused or row.begun)]
        if begun:
            # Written before the engine sees them: a job that was cancelled never starts, and one that kills this
            # process is known to have run.
            self._beginning = True
            self._writer.write(begun, self._alive)
            self._beginning = False
        self._rows |= chosen
        self._joining = {}
        self._forget(self._writer.dropped())
        refused: list[tuple[ClaimedJob, Event]] = []
        for job_id, row in chosen.items():
            if job_id in self._rows and (error := self._join(job_id, row)) is not None:
                del self._rows[job_id]
                refused.append((row, events.Failed(_failure(error))))
        if refused:
            self._writer.add(Step(produced=refused), self._alive)

    def _join(self, job_id: str, row: ClaimedJob) -> Exception | None:
        paused, row.paused, row.since = row.paused, False, self._clock()
        try:
            if paused:
                self._engine.resume(job_id)
            else:
                self._engine.admit(job_id, row.prepared)
        except Exception as error:
            log.exception("the engine took no row", job_id=job_id, request_id=row.claim.job.request_id)
            return error
        return None

    def _choose_next(self) -> bool:
        """Choose one more row to join, with a place and memory for it, which bulk rows may have made by pausing."""
        with self._changed:
            # A job that has come again was taken from us: its paused row is over, its running one for one step more.
            again = {row.claim.job.id for row in self._waiting.rows if not row.paused}
            self._drop_waiting(lambda row: row.paused and row.claim.job.id in again)
            crowded = self.sparing and bool(self._rows or self._joining)
            closed = crowded or self._stop_at is not None
            row = None if closed else self._choose([*self._rows.values(), *self._joining.values()])
            if row is None or row.claim.job.id in {*self._rows, *self._joining}:
                return False
            while not self._fits(row):
                yielding = None if row.bulk or row.claim.alone else self._waiting.yielding(self._rows.values())
                if yielding is None or not self._pause(yielding):
                    return False
            self._waiting.take(row)
            self._joining[row.claim.job.id] = row
            return True

    def _choose(self, rows: Sequence[ClaimedJob]) -> ClaimedJob | None:
        if any(row.claim.alone for row in rows):
            return None
        first = self._waiting.following(busy=bool(rows))
        if first is None or (first.claim.alone and rows):
            return None
        if not first.bulk or sum(row.bulk for row in rows) < self._engine.slots - self._reserved:
            return first
        return self._waiting.following([Lane.INTERACTIVE], busy=bool(rows))

    def _fits(self, row: ClaimedJob) -> bool:
        if len(self._rows) + len(self._joining) >= self._engine.slots:
            return False
        return self._engine.has_room([*(other.prepared for other in self._joining.values()), row.prepared])

    def _pause(self, row: ClaimedJob) -> bool:
        job = row.claim.job
        if not self._engine.pause(job.id):
            return False
        log.info("a row makes way for a person", job_id=job.id, request_id=job.request_id)
        del self._rows[job.id]
        row.paused = True
        self._waiting.add(row)
        return True

    def _step(self) -> Step:
        try:
            produced = self._engine.step()
        except Exception as error:
            with self._changed:
                paused = [row for row in self._waiting.rows if row.paused]
                self._waiting.rows = [row for row in self._waiting.rows if not row.paused]
            self._rows |= {row.claim.job.id: row for row in paused}
            requests = [row.claim.job.request_id for row in self._rows.values()]
            log.exception("the engine failed", jobs=list(self._rows), request_ids=requests)
            produced = [(job_id, events.Failed(_failure(error))) for job_id in self._rows]
        step = Step(produced=[(self._rows[job_id], event) for job_id, event in produced])
        for job_id, event in produced:
            if isinstance(event, events.TERMINAL):
                del self._rows[job_id]
                self._completed += isinstance(event, events.Done)
                self._failed += isinstance(event, events.Failed)
                if not isinstance(event, events.Done):
                    self._engine.drop(job_id)
        return step

    def _dangerous(self, step: Step) -> bool:
        """Whether a step's results are to be written first: on its last try a job takes none with it and loses none."""
        ended = [row for row, _ in step.produced]
        return any(row.claim.alone for row in (*ended, *self._rows.values(), *self._waiting.rows))

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
            self._drop_waiting(lambda row: dropped.holds(row.claim))

    def _drop_waiting(self, over: Callable[[ClaimedJob], bool]) -> None:
        for row in [row for row in self._waiting.rows if over(row)]:
            self._waiting.rows.remove(row)
            if row.paused:
                self._engine.drop(row.claim.job.id)
            row.over.set()


def _failure(error: Exception) -> Failure:
    if isinstance(error, JobError):
        return error.failure
    return Failure(EngineError.code, f"the engine failed: {type(error).__name__}: {error}")

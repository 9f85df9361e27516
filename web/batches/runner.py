"""Runs batches: a bounded window of their lines is in flight, shared fairly, and what comes back is written down once.

Nothing that matters is in this process' memory. Redis holds how far the input was taken, which lines are in flight and
how long the files are that hold what came of the others; a line's job has an id that follows from its number. So the
process that goes on after a crash cuts the files to their known length and submits again what is in flight and has no
job.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog

from tasks.batches.batches import BatchState, Cursor, Problem, Status
from tasks.batches.lines import BatchLines, line_job
from tasks.processes.loops import rest
from tasks.values import events
from tasks.values.errors import StorageFull
from tasks.values.job import Job
from tasks.values.job import Status as JobStatus
from web.availability import waiting_reasons
from web.batches.collect import READ, chunks, land
from web.batches.downloads import Downloads
from web.batches.input_lines import FileLost, Line, line, stretch
from web.batches.line_jobs import CANCELLED, LineJobs, OutputLine
from web.batches.recorder import Recorder
from web.batches.running import RunningBatch, Superseded, first_to_check, shares
from web.batches.validation import Validation
from web.gateway import Gateway

CHUNK = 64  # lines that are submitted, or written down, at once
CHUNK_BYTES = 8 << 20
SKIPPED = 500  # lines of a stopped batch that are written down at once
_REFRESH = 0.25  # seconds between looks at what was made and cancelled
_REFRESH_EACH = 0.001  # further seconds for each batch, so that thousands of them do not cost all the time
_WAIT = 0.25  # seconds between looks while one does
_SWEEP = 5.0  # seconds between looks for lines of whose end nobody told us
log = structlog.get_logger()


class BatchRunner:
    """One turn after the other, for as long as the process leads."""

    def __init__(self, gateway: Gateway, id: str) -> None:
        self._gateway, self._store, self._settings = gateway, gateway.store, gateway.settings
        self._lines, self._line_jobs = BatchLines(gateway.store, id), LineJobs(gateway)
        self._downloads = Downloads(lambda batch, line: self._line_jobs.job(batch, line, self._store.now()))
        self._recorder = Recorder(gateway, self._lines)
        self.folder = self._recorder.folder
        self.reset()

    def reset(self) -> None:
        """Know nothing: the next turn reads it all."""
        self._active: dict[str, RunningBatch] = {}
        self._jobs: dict[str, tuple[str, int]] = {}  # job → its batch and line
        self._unserved: frozenset[str] = frozenset()
        self._refreshed: float | None = None
        self._swept = time.monotonic()
        self._downloads.clear()

    def turn(self, wait: float = math.inf) -> None:
        """Write down what came back, submit what there is room for; with nothing to do sleeps for a nudge.

        It sleeps `wait` seconds at most.
        """
        now = time.monotonic()
        if self._refreshed is None or now - self._refreshed > _REFRESH + len(self._active) * _REFRESH_EACH:
            self._refresh()
            self._refreshed = now
        if now - self._swept > _SWEEP:
            self._swept = now
            for active in list(self._active.values()):
                self._sweep(active)
        for fetched in self._downloads.turn():
            active = self._active[fetched.batch.id]
            with self._readable(active):
                self._begun(active, {fetched.line.number: fetched.job})
        busy = self._collect()
        clock = self._store.now() if self._active else 0
        room = shares(self._active.values(), self._settings.batch_window)
        for active in list(self._active.values()):
            with self._readable(active):
                busy |= self._advance(active, clock, room)
        for active in first_to_check(self._active.values()):
            busy = True
            with self._readable(active):
                self._validate(active)
        if not busy:
            self._rest(min(wait, _WAIT if self._active else rest()))

    def _rest(self, wait: float) -> None:
        nudged = self._store.redis.blpop([self._store.keys.notify_batches()], timeout=wait)
        if nudged and not self._active:  # a batch is there that the last look has not seen
            self._refreshed = float("-inf")

    def rouse(self) -> None:
        """End the runner's sleep; called from another thread."""
        self._store.redis.lpush(self._store.keys.notify_batches(), 1)

    @contextmanager
    def _readable(self, active: RunningBatch) -> Iterator[None]:
        """End a batch whose files are not what they were."""
        try:
            yield
        except FileLost as error:
            log.error("a batch cannot go on", batch_id=active.batch.id, error=str(error))
            self._settle(active, Status.FAILED, [Problem("file_lost", str(error))])

    def _refresh(self) -> None:
        running = {state.batch.id: state for state in self._lines.running()}
        self._unserved = waiting_reasons.names(self._gateway) if running else frozenset()
        if self._refreshed is None:
            self.folder.clear(running)
        for batch_id in self._active.keys() - running.keys():
            raise Superseded(f"{batch_id} was ended by another")
        for batch_id, state in running.items():
            if batch_id not in self._active:
                self._begin(state)
            elif not self._active[batch_id].update(state):
                raise Superseded(f"{batch_id} was taken further by another")

    def _begin(self, state: BatchState) -> None:
        active = RunningBatch(state, self._lines.inflight(state.batch.id))
        self._active[state.batch.id] = active
        self._know(active, active.inflight)
        self._sweep(active)

    def _know(self, active: RunningBatch, numbers: Mapping[int, object]) -> None:
        self._jobs |= {line_job(active.batch.id, number): (active.batch.id, number) for number in numbers}

    def _sweep(self, active: RunningBatch) -> None:
        """See to the lines in flight: the jobs that ended unnoticed, and those that were never submitted."""
        numbers = {line_job(active.batch.id, number): number for number in active.inflight}
        statuses = dict(zip(numbers, self._lines.statuses(list(numbers)), strict=True))
        ended = [job_id for job_id, status in statuses.items() if status and JobStatus(status.decode()).terminal]
        if ended:
            self._lines.land(ended)
        if active.stopping:
            self._downloads.drop(active.batch.id)
            self._end(active, [job_id for job_id in statuses.keys() - ended if statuses[job_id]])
        absent = [numbers[job_id] for job_id, status in statuses.items() if status is None]
        self._again(active, [number for number in absent if (active.batch.id, number) not in self._downloads])

    def _end(self, active: RunningBatch, jobs: Sequence[str]) -> None:
        event = CANCELLED if active.state.status is Status.CANCELLING else events.Expired()
        for some in chunks(jobs, READ):
            self._lines.end([record.job for record in self._store.read(some) if record is not None], event)

    def _again(self, active: RunningBatch, numbers: Sequence[int]) -> None:
        path = self._store.blobs.path(active.batch.input)
        with self._readable(active):
            for some in chunks(numbers, READ):
                self._start(active, [line(path, number, active.inflight[number]) for number in some])

    def _start(self, active: RunningBatch, taken: Sequence[Line]) -> None:
        """Begin with lines that are in flight."""
        entries: dict[int, Job | OutputLine] = {}
        now = self._store.now()
        for one in taken:
            if active.stopping:
                entries[one.number] = self._line_jobs.skipped(active.batch, one, active.stopping)
            elif self._line_jobs.waits(one, self._unserved):
                continue  # it stays in flight, and is looked at again with every sweep
            elif self._line_jobs.slow(active.batch, one):
                self._downloads.add(active.batch, one)
            else:
                try:
                    entries[one.number] = self._line_jobs.job(active.batch, one, now)
                except StorageFull as error:  # of what this line alone wants to keep
                    self._downloads.again(active.batch, one, error)
        self._begun(active, entries)

    def _begun(self, active: RunningBatch, entries: Mapping[int, Job | OutputLine]) -> None:
        """Submit the jobs of lines, and write down the lines that are refused at once."""
        refused = {number: entry for number, entry in entries.items() if not isinstance(entry, Job)}
        if jobs := [job for job in entries.values() if isinstance(job, Job)]:
            self._lines.submit(jobs)
        if refused:
            self._write(active, refused)

    def _collect(self) -> bool:
        """Write down some of the lines whose jobs have ended; False when there are none."""
        landing = land(self._store, self._line_jobs, self._jobs, self._lines.landed(CHUNK))
        if landing.early:
            self._lines.dismiss(landing.early)
        for batch_id, entries in landing.output.items():
            with self._readable(self._active[batch_id]):
                self._write(self._active[batch_id], entries)
        if landing.over:
            self._lines.erase(landing.over)
        for batch_id, numbers in landing.lost.items():
            self._lines.forget([line_job(batch_id, number) for number in numbers])
            if batch_id in self._active:
                self._again(self._active[batch_id], numbers)
        return bool(landing.over)

    def _write(self, active: RunningBatch, entries: Mapping[int, OutputLine], to: Cursor | None = None) -> None:
        self._recorder.write(active, entries, to)
        for number in () if to is not None else entries:
            del active.inflight[number], self._jobs[line_job(active.batch.id, number)]

    def _advance(self, active: RunningBatch, clock: int, room: Mapping[str, int]) -> bool:
        """Bring one batch further; False when it waits for its jobs."""
        status = active.state.status
        if active.unchecked:
            return False  # looked after apart
        if active.stopping and not self._stopped(active):
            return not active.inflight
        if status is Status.CANCELLING:
            self._settle(active, Status.CANCELLED)
        elif status is Status.FINALIZING:
            self._settle(active, active.state.outcome)
        elif active.done or clock >= active.batch.deadline:
            outcome = Status.COMPLETED if active.done else Status.EXPIRED
            self._move(active, Status.FINALIZING, outcome=outcome)
        else:
            return self._dispatch(active, room.get(active.batch.owner, 0) - len(active.inflight))
        return True

    def _move(self, active: RunningBatch, status: Status, **fields: Status | str | int) -> None:
        self._lines.move(active.batch, status, active.state.status, **fields)
        self._look(active)

    def _look(self, active: RunningBatch) -> None:
        (state,) = self._gateway.batches.read([active.batch.id])
        if state is None or not active.update(state):
            raise Superseded(f"{active.batch.id} was taken further by another")

    def _validate(self, active: RunningBatch) -> None:
        if active.validation is None:
            path = self._store.blobs.path(active.batch.input)
            active.validation = Validation(active.batch, path, self._settings.max_body_bytes)
        checked = active.validation
        if not checked.advance():
            return
        active.validation = None
        if checked.problems:
            status = Status.CANCELLED if active.stopping else Status.FAILED
            self._settle(active, status, checked.problems)
        elif active.stopping:  # its lines are counted, and then written down as undone
            self._move(active, active.state.status, total=checked.total)
        else:
            model = {"model": checked.model} if checked.model else {}
            self._move(active, Status.IN_PROGRESS, total=checked.total, **model)

    def _dispatch(self, active: RunningBatch, room: int) -> bool:
        """Take as many lines into flight as there is room for; False when there is none, or no more lines."""
        taken = self._next(active, min(room, CHUNK))
        if not taken:
            return False
        after, placed = taken[-1].after, {one.number: one.place for one in taken if one.data}
        if not self._lines.take(active.batch, active.cursor, after, placed):
            self._look(active)
            if active.hungry:
                raise Superseded(f"{active.batch.id} is another's to run")
            return True
        active.cursor = after
        active.inflight |= placed
        self._know(active, placed)
        self._start(active, [one for one in taken if one.data])
        return True

    def _next(self, active: RunningBatch, most: int) -> list[Line]:
        if most <= 0 or active.exhausted:
            return []
        path = self._store.blobs.path(active.batch.input)
        return stretch(path, active.cursor, self._settings.max_body_bytes, most, CHUNK_BYTES)

    def _stopped(self, active: RunningBatch) -> bool:
        """End what is in flight, then write down what never was; True once every line has its record."""
        if not active.jobs_cancelled:
            active.jobs_cancelled = True
            self._sweep(active)
        if active.inflight:
            return False
        if active.exhausted:
            return True
        taken = self._next(active, SKIPPED)
        skipped = {one.number: self._line_jobs.skipped(active.batch, one, active.stopping) for one in taken if one.data}
        if skipped:
            self._write(active, skipped, to=taken[-1].after)
        active.cursor = taken[-1].after
        return False

    def _settle(self, active: RunningBatch, status: Status, problems: Sequence[Problem] = ()) -> None:
        batch = active.batch
        jobs = [line_job(batch.id, number) for number in active.inflight]
        self._recorder.settle(active, status, problems)
        self._downloads.drop(batch.id)
        self._end(active, jobs)
        for job_id in jobs:
            del self._jobs[job_id]
        del self._active[batch.id]
        self.folder.remove(batch.id)

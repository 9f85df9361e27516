"""Writes down what an engine did while the engine goes on: the queue's round trips cost no step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from tasks.processes.loops import Loop, insist
from tasks.redis.claims import Begun, Changes, Claim, Dropped, Ended, Published, Written
from tasks.values import events, results
from tasks.values.errors import EngineError, Failure
from tasks.values.events import Event
from tasks.values.job import Lane
from workers.engine import Prepared

_FIRST = 2  # the number of a row's first event behind Started
_MANY = 8  # rows whose events take longer to write than another round trip
_PENDING = 4  # steps that may wait to be written before the engine does
log = structlog.get_logger()


class Claims(Protocol):
    """What this side asks of `tasks.redis.claims.Claims`."""

    def begin(self, claim: Claim, prompt_tokens: int) -> bool: ...

    def write(self, changes: Changes, cursor: str) -> Written: ...

    def settle(self, claim: Claim, event: events.Terminal) -> None: ...

    def hand_back(self, claim: Claim) -> None: ...


@dataclass(eq=False)
class ClaimedJob:
    """A claimed job in this process, from its delivery to its end.

    It waits or runs `since` then, and has `kept` its place, if it is to, before it may be paused: a monotonic clock's
    seconds.
    """

    claim: Claim
    prepared: Prepared[Any]
    over: threading.Event = field(default_factory=threading.Event)
    events: list[Event] = field(default_factory=list)
    number: int = 1  # of the last event in the stream; Started was the first
    since: float = 0.0
    kept: float = 0.0
    begun: bool = False  # and that is written
    paused: bool = False

    @property
    def lane(self) -> Lane:
        """The job's lane."""
        return self.claim.job.lane

    @property
    def bulk(self) -> bool:
        """Whether nobody waits for it."""
        return self.lane is not Lane.INTERACTIVE


@dataclass(frozen=True)
class Step:
    """What happened between two looks at the batch: rows that joined, and events of rows, in order."""

    begun: list[ClaimedJob] = field(default_factory=list)
    produced: list[tuple[ClaimedJob, Event]] = field(default_factory=list)


class EventWriter:
    """A thread that writes steps in their order, several at once when it fell behind."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self._changed = threading.Condition()
        self._steps: list[Step] = []
        self._writing = False
        self._dropped = Dropped()
        self._cursor = "0-0"
        self._loop = Loop("event writer", self._write_waiting).start()

    @property
    def alive(self) -> bool:
        """Whether steps are still written."""
        return self._loop.alive

    def add(self, step: Step, alive: Callable[[], None]) -> None:
        """Have a step written; waits, calling `alive` twice a second, while too many others do."""
        with self._changed:
            self._wait_while(lambda: len(self._steps) >= _PENDING, alive)
            self._steps.append(step)
            self._changed.notify_all()

    def begin(self, row: ClaimedJob) -> bool:
        """Write, in the thread that calls, that a row begins; False when its job is no longer ours.

        Where the queue cannot be reached it is left to `write`, which waits for it.
        """
        try:
            row.begun = self._claims.begin(row.claim, row.prepared.prompt_tokens)
        except Exception:
            return True
        return row.begun

    def write(self, begun: Sequence[ClaimedJob], alive: Callable[[], None]) -> None:
        """Have it written that rows begin, here and now where that can be: a hand-over to the thread takes two wakeups.

        What does not go through at once, or waits behind other steps, is left to the thread and waited for.
        """
        if not self._written_here(begun):
            self.add(Step(list(begun)), alive)
            self.flush(alive)

    def _written_here(self, begun: Sequence[ClaimedJob]) -> bool:
        with self._changed:
            if self._steps or self._writing:
                return False
            self._writing = True
        try:
            self._take(self._claims.write(_changes([Step(list(begun))])[0], self._cursor))
        except Exception:  # the thread tries again, and says what is wrong
            return False
        finally:
            with self._changed:
                self._writing = False
        return True

    def dropped(self) -> Dropped:
        """The jobs that, since the last call, turned out to be no longer ours or were cancelled."""
        with self._changed:
            dropped, self._dropped = self._dropped, Dropped()
        return dropped

    def flush(self, alive: Callable[[], None]) -> None:
        """Wait until everything is written, calling `alive` twice a second."""
        with self._changed:
            self._wait_while(lambda: bool(self._steps) or self._writing, alive)

    def _wait_while(self, holds: Callable[[], bool], alive: Callable[[], None]) -> None:
        while holds():
            if not self._loop.alive:
                raise RuntimeError("the thread that writes to the queue has ended")
            self._changed.wait(0.5)
            alive()

    def hand_back(self, row: ClaimedJob) -> None:
        """Give a row's job back to the queue."""
        try:
            insist(self._claims.hand_back, row.claim)
        except Exception:
            log.exception("a job could not be handed back; it is taken back", job_id=row.claim.job.id)
        row.over.set()

    def _write_waiting(self) -> None:
        with self._changed:
            while not self._steps:
                self._changed.wait()
            steps, self._steps, self._writing = self._steps, [], True
            if len(steps) >= _PENDING:  # else nobody waits for that
                self._changed.notify_all()
        try:
            changes, ended = _changes(steps)
            try:
                for part in _first_tokens_first(changes):
                    self._write(part)
            except Exception:
                log.exception("what rows have done cannot be written together; each is written by itself")
                self._write_apart(changes)
            for row in ended:
                row.over.set()
        finally:
            with self._changed:
                self._writing = False
                self._changed.notify_all()

    def _write(self, changes: Changes) -> None:
        self._take(insist(self._claims.write, changes, self._cursor))

    def _take(self, written: Written) -> None:
        self._cursor = written.cursor
        self._drop(written.dropped)

    def _write_apart(self, changes: Changes) -> None:
        """Write row by row, so that one that cannot be written ends alone."""
        parts: list[Begun | Published | Ended] = [*changes.begun, *changes.published, *changes.ended]
        claims = {part.claim.job.id: part.claim for part in parts}
        for job_id, claim in claims.items():
            try:
                self._write(changes.of(job_id))
            except Exception as error:
                log.exception("what a row has done cannot be written; its job fails", job_id=job_id)
                failed = events.Failed(_unwritable(error))
                insist(self._claims.settle, claim, failed)
                self._drop(Dropped(refused=frozenset({(job_id, claim.attempt)})))

    def _drop(self, dropped: Dropped) -> None:
        with self._changed:
            self._dropped = Dropped(
                self._dropped.refused | dropped.refused, self._dropped.cancelled | dropped.cancelled
            )


def _changes(steps: list[Step]) -> tuple[Changes, list[ClaimedJob]]:
    """What several steps come to, and the rows that end with it."""
    streamed: dict[ClaimedJob, list[Event]] = {}
    ended: list[tuple[ClaimedJob, Ended]] = []
    for row, event in (entry for step in steps for entry in step.produced):
        row.events.append(event)
        if isinstance(event, events.TERMINAL):
            ended.append((row, _ended(row, event)))
        elif not isinstance(event, events.UNSTREAMED):
            streamed.setdefault(row, []).append(event)
    published = [_published(row, _streamed(row, produced)) for row, produced in streamed.items()]
    begun = [Begun(row.claim, row.prepared.prompt_tokens) for step in steps for row in step.begun]
    return Changes(begun, published, [end for _, end in ended]), [row for row, _ in ended]


def _first_tokens_first(changes: Changes) -> list[Changes]:
    """The changes in one write, or in two where few of many rows have said their first: somebody waits for that."""
    first = [part for part in changes.published if part.numbered[0][0] == _FIRST]
    later = [part for part in changes.published if part.numbered[0][0] != _FIRST]
    if not first or len(later) < _MANY:
        return [changes]
    return [Changes(changes.begun, first), Changes(published=later, ended=changes.ended)]


def _streamed(row: ClaimedJob, produced: list[Event]) -> list[Event]:
    """What of a row's events goes into its stream: deltas joined, unless each of them is replayed."""
    return produced if results.replayed(row.claim.job.payload) else events.joined(produced)


def _published(row: ClaimedJob, streamed: list[Event]) -> Published:
    numbered = list(enumerate(streamed, row.number + 1))
    row.number += len(streamed)
    steps = [100 * event.done // max(event.total, 1) for event in streamed if isinstance(event, events.Progress)]
    return Published(row.claim, numbered, steps[-1] if steps else None)


def _ended(row: ClaimedJob, event: events.Terminal) -> Ended:
    if not isinstance(event, events.Done):
        return Ended(row.claim, event)
    try:
        return Ended(row.claim, event, results.fold(row.claim.job.payload, row.events))
    except Exception as error:
        log.exception("a result cannot be made", job_id=row.claim.job.id)
        return Ended(row.claim, events.Failed(_unwritable(error)))


def _unwritable(error: Exception) -> Failure:
    return Failure(EngineError.code, f"what the engine made cannot be written: {type(error).__name__}: {error}")

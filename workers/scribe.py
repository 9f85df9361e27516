"""Writes down what an engine did while the engine goes on: the queue's round trips cost no step."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import structlog

from tasks import events, fold
from tasks.events import Event
from tasks.job import Lane
from tasks.ledger import Begun, Claim, Dropped, Ended, Lines, Turn, Written
from tasks.scripts import AWAY
from workers.engine import Prepared

_PENDING = 4  # steps that may wait to be written before the engine does
_RETRY = 0.1  # seconds between tries while Redis is away
T = TypeVar("T")
log = structlog.get_logger()


class Ledger(Protocol):
    """What this side asks of `tasks.ledger.Ledger`."""

    def write(self, turn: Turn, cursor: str) -> Written: ...

    def hand_back(self, claim: Claim) -> None: ...


@dataclass(eq=False)
class Row:
    """A claimed job in this process, from its delivery to its end.

    It waits or runs `since` then, and has `kept` its place, if it is to, before it may be paused: a monotonic clock's
    seconds.
    """

    claim: Claim
    prepared: Prepared[Any]
    over: threading.Event = field(default_factory=threading.Event)
    told: list[Event] = field(default_factory=list)
    number: int = 1  # of the last event in the stream; Started was the first
    since: float = 0.0
    kept: float = 0.0
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

    begun: list[Row] = field(default_factory=list)
    produced: list[tuple[Row, Event]] = field(default_factory=list)


class Scribe:
    """A thread that writes steps in their order, several at once when it fell behind."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._changed = threading.Condition()
        self._steps: list[Step] = []
        self._writing = False
        self._dropped = Dropped()
        self._cursor = "0-0"
        self._thread = threading.Thread(target=self._run, name="scribe", daemon=True)
        self._thread.start()

    def add(self, step: Step, alive: Callable[[], None]) -> None:
        """Have a step written; waits, calling `alive` twice a second, while too many others do."""
        with self._changed:
            self._wait_while(lambda: len(self._steps) >= _PENDING, alive)
            self._steps.append(step)
            self._changed.notify_all()

    def dropped(self) -> Dropped:
        """The jobs that, since the last call, turned out to be no longer ours or were cancelled."""
        with self._changed:
            found, self._dropped = self._dropped, Dropped()
        return found

    def flush(self, alive: Callable[[], None]) -> None:
        """Wait until everything is written, calling `alive` twice a second."""
        with self._changed:
            self._wait_while(lambda: bool(self._steps) or self._writing, alive)

    def _wait_while(self, holds: Callable[[], bool], alive: Callable[[], None]) -> None:
        while holds():
            if not self._thread.is_alive():
                raise RuntimeError("the thread that writes to the queue has ended")
            self._changed.wait(0.5)
            alive()

    def hand_back(self, row: Row) -> None:
        """Give a row's job back to the queue."""
        self._insist(lambda: self._ledger.hand_back(row.claim))
        row.over.set()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._steps:
                    self._changed.wait()
                steps, self._steps, self._writing = self._steps, [], True
                self._changed.notify_all()
            try:
                self._write(steps)
            finally:
                with self._changed:
                    self._writing = False
                    self._changed.notify_all()

    def _write(self, steps: list[Step]) -> None:
        lines: dict[str, Lines] = {}
        ended: list[tuple[Row, Ended]] = []
        for row, event in (entry for step in steps for entry in step.produced):
            row.told.append(event)
            job = row.claim.job
            if isinstance(event, events.TERMINAL):
                result = fold.fold(job.payload, row.told) if isinstance(event, events.Done) else None
                ended.append((row, Ended(row.claim, event, result)))
            elif not isinstance(event, events.UNSTREAMED):
                row.number += 1
                line = lines.get(job.id, Lines(row.claim, [], None))
                progress = (
                    100 * event.done // max(event.total, 1) if isinstance(event, events.Progress) else line.progress
                )
                lines[job.id] = Lines(row.claim, [*line.numbered, (row.number, event)], progress)
        begun = [Begun(row.claim, row.prepared.prompt_tokens) for step in steps for row in step.begun]
        turn = Turn(begun, list(lines.values()), [end for _, end in ended])
        written = self._insist(lambda: self._ledger.write(turn, self._cursor))
        self._cursor = written.cursor
        with self._changed:
            self._dropped = Dropped(
                self._dropped.refused | written.dropped.refused, self._dropped.cancelled | written.dropped.cancelled
            )
        for row, _ in ended:
            row.over.set()

    def _insist(self, call: Callable[[], T]) -> T:
        """Do this however long Redis is away; every call to the ledger may be made twice."""
        away = False
        while True:
            try:
                return call()
            except AWAY as error:
                if not away:
                    log.warning("the queue is away; the batch waits for it", error=str(error))
                away = True
                time.sleep(_RETRY)

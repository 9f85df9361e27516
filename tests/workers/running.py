"""A batcher with an engine and a claims that tests can look into."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from tasks.redis.claims import Begun, Changes, Claim, Dropped, Written
from tasks.values import events
from tasks.values.errors import QueueUnavailable
from tasks.values.events import Event
from tasks.values.job import Job, Lane
from tests.support.servers import PATIENCE, eventually
from tests.workers.engines.rows import chat
from workers import engine
from workers.engine import Prepared
from workers.serving.batcher import Batcher
from workers.serving.check_deadline import ENDLESS, CheckDeadline


@dataclass
class Engine(engine.Engine[str]):
    """Each row says one word a step until told to end; steps wait to be allowed."""

    slots: int = 4
    rows: list[str] = field(default_factory=list)
    admitted: list[str] = field(default_factory=list)
    most: int = 0
    ending: set[str] = field(default_factory=set)
    failure: Exception | None = None
    pausable: bool = True
    memory: int = 1000  # rows that fit
    paused: list[str] = field(default_factory=list)
    pauses: list[str] = field(default_factory=list)
    cold: int = 0  # pieces that are left to warm
    relieved: int = 0
    beside: list[int] = field(default_factory=list)  # rows that were there while each was warmed
    allowed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def prepare(self, job: Job, deadline: CheckDeadline = ENDLESS) -> Prepared[str]:
        return Prepared(1, job.id)

    def has_room(self, prepared: Sequence[Prepared[str]]) -> bool:
        return len(self.rows) + len(prepared) <= self.memory

    def warming(self) -> Iterator[None]:
        while self.cold:
            self.cold -= 1
            self.beside.append(len(self.rows))
            if self.failure is not None:
                raise self.failure
            yield

    def relieve(self) -> None:
        self.relieved += 1

    def pause(self, row: str) -> bool:
        if self.pausable:
            self.rows.remove(row)
            self.paused.append(row)
            self.pauses.append(row)
        return self.pausable

    def resume(self, row: str) -> None:
        self.paused.remove(row)
        self.rows.append(row)
        self.most = max(self.most, len(self.rows))

    def admit(self, row: str, prepared: Prepared[str]) -> None:
        self.rows.append(row)
        self.admitted.append(row)
        self.most = max(self.most, len(self.rows))

    def step(self) -> Sequence[tuple[str, Event]]:
        self.allowed.acquire()
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        produced: list[tuple[str, Event]] = [(row, events.Delta("word")) for row in self.rows]
        produced += [(row, events.Done()) for row in self.rows if row in self.ending]
        self.rows = [row for row in self.rows if row not in self.ending]
        return produced

    def drop(self, row: str) -> None:
        self.rows = [name for name in self.rows if name != row]
        self.paused = [name for name in self.paused if name != row]


@dataclass
class Claims:
    """Takes everything down."""

    changes: list[Changes] = field(default_factory=list)
    handed_back: list[str] = field(default_factory=list)
    cancelled: set[str] = field(default_factory=set)
    away: int = 0
    gone: bool = False

    def begin(self, claim: Claim, prompt_tokens: int) -> bool:
        if self.gone:
            return False
        self.write(Changes([Begun(claim, prompt_tokens)]), "")
        return True

    def write(self, changes: Changes, cursor: str) -> Written:
        if self.away:
            self.away -= 1
            raise QueueUnavailable("away")
        self.changes.append(changes)
        cancelled, self.cancelled = self.cancelled, set()
        return Written(Dropped(cancelled=frozenset(cancelled)), cursor)

    def hand_back(self, claim: Claim) -> None:
        self.handed_back.append(claim.job.id)

    def ended(self) -> dict[str, events.Terminal]:
        return {end.claim.job.id: end.event for changes in self.changes for end in changes.ended}

    def words(self, job_id: str) -> list[int]:
        published = [line for changes in self.changes for line in changes.published if line.claim.job.id == job_id]
        return [number for line in published for number, _ in line.numbered]


@dataclass
class Running:
    engine: Engine
    claims: Claims
    batcher: Batcher
    thread: threading.Thread
    clock: Clock

    def submit(
        self, lane: Lane = Lane.INTERACTIVE, alone: bool = False, owner: str = "anonymous", priority: int = 0
    ) -> tuple[str, threading.Event]:
        self.clock.now += 0.001
        job = msgspec.structs.replace(chat("word"), lane=lane, owner=owner, priority=priority)
        return job.id, self.batcher.submit(Claim(job, 1, alone), self.engine.prepare(job))

    def steps(self, number: int) -> None:
        for _ in range(number):
            self.engine.allowed.release()

    def admitted(self, number: int) -> list[str]:
        """Step until so many rows were admitted."""
        eventually(lambda: len(self.engine.admitted) >= number or self.steps(1))
        return self.engine.admitted

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.batcher.stop(0)
        self.steps(10)
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def made(slots: int = 4) -> Running:
    engine, claims, clock = Engine(slots), Claims(), Clock()
    batcher = Batcher(engine, claims, clock)
    return Running(engine, claims, batcher, threading.Thread(target=batcher.run, daemon=True), clock)

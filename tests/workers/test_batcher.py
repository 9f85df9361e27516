"""Who joins the batch when, and what becomes of rows when things go wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import pytest

from tasks import events
from tasks.errors import QueueUnavailable
from tasks.events import Event
from tasks.job import Job, Lane
from tasks.ledger import Claim, Dropped, Turn, Written
from tests.servers import eventually
from tests.workers.engines.rows import chat
from workers import engine
from workers.batcher import Batcher
from workers.engine import Prepared


@dataclass
class Engine(engine.Engine[str]):
    """Each row says one word a step until told to end; steps wait to be allowed."""

    slots: int = 4
    rows: list[str] = field(default_factory=list)
    admitted: list[str] = field(default_factory=list)
    most: int = 0
    ending: set[str] = field(default_factory=set)
    failure: Exception | None = None
    allowed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def check(self, job: Job) -> Prepared[str]:
        return Prepared(1, job.id)

    def admit(self, row: str, prepared: Prepared[str]) -> None:
        self.rows.append(row)
        self.admitted.append(row)
        self.most = max(self.most, len(self.rows))

    def step(self) -> Sequence[tuple[str, Event]]:
        self.allowed.acquire()
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        told: list[tuple[str, Event]] = [(row, events.Delta("word")) for row in self.rows]
        told += [(row, events.Done()) for row in self.rows if row in self.ending]
        self.rows = [row for row in self.rows if row not in self.ending]
        return told

    def drop(self, row: str) -> None:
        self.rows = [found for found in self.rows if found != row]


@dataclass
class Ledger:
    """Takes everything down."""

    turns: list[Turn] = field(default_factory=list)
    handed_back: list[str] = field(default_factory=list)
    cancelled: set[str] = field(default_factory=set)
    away: int = 0

    def write(self, turn: Turn, cursor: str) -> Written:
        if self.away:
            self.away -= 1
            raise QueueUnavailable("away")
        self.turns.append(turn)
        cancelled, self.cancelled = self.cancelled, set()
        return Written(Dropped(cancelled=frozenset(cancelled)), cursor)

    def hand_back(self, claim: Claim) -> None:
        self.handed_back.append(claim.job.id)

    def ended(self) -> dict[str, events.Terminal]:
        return {end.claim.job.id: end.event for turn in self.turns for end in turn.ended}

    def words(self, job_id: str) -> list[int]:
        lines = [line for turn in self.turns for line in turn.lines if line.claim.job.id == job_id]
        return [number for line in lines for number, _ in line.numbered]


@dataclass
class Running:
    engine: Engine
    ledger: Ledger
    batcher: Batcher
    thread: threading.Thread
    started: int = 0

    def submit(
        self, lane: Lane = Lane.INTERACTIVE, age: int = 0, alone: bool = False, priority: int = 0
    ) -> tuple[str, threading.Event]:
        self.started += 1
        made = chat("word")
        job = msgspec.structs.replace(made, lane=lane, created=1_000_000 + self.started - age, priority=priority)
        return job.id, self.batcher.submit(Claim(job, 1, alone), self.engine.check(job))

    def steps(self, number: int) -> None:
        for _ in range(number):
            self.engine.allowed.release()


@pytest.fixture
def running() -> Iterator[Running]:
    engine, ledger = Engine(), Ledger()
    batcher = Batcher(engine, ledger)
    thread = threading.Thread(target=batcher.run, daemon=True)
    thread.start()
    yield Running(engine, ledger, batcher, thread)
    batcher.stop(0)
    for _ in range(10):
        engine.allowed.release()
    thread.join(5)
    assert not thread.is_alive()


def test_rows_join_up_to_the_slots_and_the_next_when_one_is_free(running: Running) -> None:
    jobs = [running.submit()[0] for _ in range(6)]
    running.steps(3)
    eventually(lambda: len(running.engine.admitted) == 4)
    running.engine.ending.add(jobs[0])
    running.steps(3)
    eventually(lambda: len(running.engine.admitted) == 5)
    assert running.engine.most == 4
    assert isinstance(running.ledger.ended()[jobs[0]], events.Done)


def test_events_are_numbered_from_the_one_after_started(running: Running) -> None:
    job, over = running.submit()
    running.steps(2)
    eventually(lambda: running.ledger.words(job) == [2, 3])
    running.engine.ending.add(job)
    running.steps(1)
    assert over.wait(5) and running.ledger.words(job) == [2, 3, 4]
    assert running.ledger.turns[0].begun[0].claim.job.id == job and not running.ledger.turns[0].lines


def test_people_go_before_jobs_and_old_jobs_before_people(running: Running) -> None:
    running.engine.slots = 1
    first, _ = running.submit()
    eventually(lambda: running.engine.admitted == [first])
    young, _ = running.submit(Lane.JOBS)
    old, _ = running.submit(Lane.JOBS, age=60_000)
    person, _ = running.submit()
    for job in (first, old, person, young):
        running.engine.ending.add(job)
    running.steps(8)
    eventually(lambda: len(running.engine.admitted) == 4)
    assert running.engine.admitted == [first, old, person, young]


def test_priority_orders_a_lane_and_takes_no_job_out_of_it(running: Running) -> None:
    running.engine.slots = 1
    first, _ = running.submit()
    eventually(lambda: running.engine.admitted == [first])
    job, _ = running.submit(Lane.JOBS)
    urgent_job, _ = running.submit(Lane.JOBS, priority=10)
    person, _ = running.submit(priority=-10)
    urgent_person, _ = running.submit(priority=1)
    order = [first, urgent_person, person, urgent_job, job]
    running.engine.ending.update(order)
    running.steps(10)
    eventually(lambda: len(running.engine.admitted) == 5)
    assert running.engine.admitted == order


def test_bulk_work_leaves_slots_for_people() -> None:
    engine, ledger = Engine(slots=16), Ledger()
    batcher = Batcher(engine, ledger)
    running = Running(engine, ledger, batcher, threading.Thread(target=batcher.run, daemon=True))
    for _ in range(20):
        running.submit(Lane.BATCH)
    running.thread.start()
    running.steps(2)
    eventually(lambda: len(engine.admitted) == 14)
    person, _ = running.submit()
    running.steps(3)
    eventually(lambda: person in engine.admitted)
    assert len(engine.admitted) == 15
    batcher.stop(0)
    running.steps(5)
    running.thread.join(5)


def test_a_suspect_runs_alone(running: Running) -> None:
    first, _ = running.submit()
    eventually(lambda: running.engine.admitted == [first])
    suspect, _ = running.submit(alone=True)
    later, _ = running.submit()
    running.steps(2)
    running.engine.ending |= {first, suspect}
    running.steps(2)
    eventually(lambda: running.engine.admitted[:2] == [first, suspect])
    running.steps(2)
    eventually(lambda: later in running.engine.admitted)
    assert running.engine.most == 1


def test_a_cancelled_row_is_dropped_wherever_it_stands(running: Running) -> None:
    running.engine.slots = 1
    (row, over), (waiting, waiting_over) = running.submit(), running.submit()
    eventually(lambda: running.engine.admitted == [row])
    running.ledger.cancelled = {row, waiting}
    eventually(lambda: running.steps(1) or (over.is_set() and waiting_over.is_set()))
    assert running.engine.rows == [] and running.engine.admitted == [row] and not running.ledger.ended()


def test_a_failed_step_ends_its_rows_and_the_next_ones_run(running: Running) -> None:
    jobs = [running.submit() for _ in range(3)]
    eventually(lambda: len(running.engine.rows) >= 1)
    running.engine.failure = RuntimeError("boom")
    running.steps(5)
    eventually(lambda: running.ledger.ended())
    failed = list(running.ledger.ended().values())
    assert all(isinstance(event, events.Failed) and "boom" in event.failure.message for event in failed)
    after, over = running.submit()
    running.engine.ending |= {after, *(job for job, _ in jobs)}
    running.steps(5)
    assert over.wait(5) and isinstance(running.ledger.ended()[after], events.Done)


def test_nothing_is_lost_while_the_queue_is_away(running: Running) -> None:
    job, over = running.submit()
    running.ledger.away = 5
    running.engine.ending.add(job)
    running.steps(2)
    assert over.wait(10)
    assert running.ledger.words(job) == [2] and isinstance(running.ledger.ended()[job], events.Done)


def test_a_stopped_batcher_hands_back_what_runs_and_what_waits(running: Running) -> None:
    running.engine.slots = 1
    (row, over), (waiting, waiting_over) = running.submit(), running.submit()
    eventually(lambda: running.engine.admitted == [row])
    running.batcher.stop(0)
    running.steps(2)
    assert over.wait(5) and waiting_over.wait(5)
    assert set(running.ledger.handed_back) == {row, waiting}


def test_a_batcher_that_has_ended_hands_back_what_comes_late(running: Running) -> None:
    """Its job was claimed before the stop, and checked after it."""
    running.batcher.stop(0)
    running.thread.join(5)
    late, over = running.submit()
    assert over.wait(5) and running.ledger.handed_back == [late]


def test_a_claim_taken_back_and_given_again_waits_for_its_old_row(running: Running) -> None:
    made = chat("word")
    running.batcher.submit(Claim(made, 1), running.engine.check(made))
    eventually(lambda: running.engine.admitted == [made.id])
    second = running.batcher.submit(Claim(made, 2), running.engine.check(made))
    running.steps(3)
    eventually(lambda: len(running.ledger.words(made.id)) == 3)
    assert running.engine.admitted == [made.id] and not second.is_set()

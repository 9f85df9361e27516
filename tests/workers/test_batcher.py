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
    pausable: bool = True
    memory: int = 1000  # rows that fit
    paused: list[str] = field(default_factory=list)
    pauses: list[str] = field(default_factory=list)
    allowed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def check(self, job: Job) -> Prepared[str]:
        return Prepared(1, job.id)

    def room(self, prepared: Sequence[Prepared[str]]) -> bool:
        return len(self.rows) + len(prepared) <= self.memory

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
        told: list[tuple[str, Event]] = [(row, events.Delta("word")) for row in self.rows]
        told += [(row, events.Done()) for row in self.rows if row in self.ending]
        self.rows = [row for row in self.rows if row not in self.ending]
        return told

    def drop(self, row: str) -> None:
        self.rows = [found for found in self.rows if found != row]
        self.paused = [found for found in self.paused if found != row]


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
    clock: Clock

    def submit(
        self, lane: Lane = Lane.INTERACTIVE, alone: bool = False, owner: str = "anonymous", priority: int = 0
    ) -> tuple[str, threading.Event]:
        self.clock.now += 0.001
        job = msgspec.structs.replace(chat("word"), lane=lane, owner=owner, priority=priority)
        return job.id, self.batcher.submit(Claim(job, 1, alone), self.engine.check(job))

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
        self.thread.join(5)
        assert not self.thread.is_alive()


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def made(slots: int = 4) -> Running:
    engine, ledger, clock = Engine(slots), Ledger(), Clock()
    batcher = Batcher(engine, ledger, clock)
    return Running(engine, ledger, batcher, threading.Thread(target=batcher.run, daemon=True), clock)


@pytest.fixture
def waiting() -> Iterator[Running]:
    """One that has not started."""
    found = made()
    yield found
    found.stop()


@pytest.fixture
def running(waiting: Running) -> Running:
    waiting.start()
    return waiting


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


def test_people_go_before_jobs_and_old_jobs_before_people(waiting: Running) -> None:
    waiting.engine.slots = 1
    first, _ = waiting.submit()
    waiting.start()
    eventually(lambda: waiting.engine.admitted == [first])
    old, _ = waiting.submit(Lane.JOBS)
    waiting.clock.now += 31
    young, _ = waiting.submit(Lane.JOBS)
    person, _ = waiting.submit()
    for job in (first, old, person, young):
        waiting.engine.ending.add(job)
    assert waiting.admitted(4) == [first, old, person, young]


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
    running = made(slots=16)
    for _ in range(20):
        running.submit(Lane.BATCH)
    running.start()
    running.steps(2)
    eventually(lambda: len(running.engine.admitted) == 14)
    person, _ = running.submit()
    running.steps(3)
    eventually(lambda: person in running.engine.admitted)
    assert len(running.engine.admitted) == 15 and not running.engine.pauses
    running.stop()


@pytest.mark.parametrize("lane", Lane)
def test_owners_of_a_lane_take_turns_whoever_came_first(waiting: Running, lane: Lane) -> None:
    waiting.engine.slots = 1
    many = [waiting.submit(lane, owner="many")[0] for _ in range(5)]
    few = [waiting.submit(lane, owner="few")[0] for _ in range(2)]
    waiting.engine.ending.update(many + few)
    waiting.start()
    assert waiting.admitted(7) == [many[0], few[0], many[1], few[1], *many[2:]]


def test_an_owner_of_many_jobs_waits_behind_nobody_s_first(waiting: Running) -> None:
    waiting.engine.slots = 1
    many = [waiting.submit(owner="many")[0] for _ in range(3)]
    waiting.start()
    eventually(lambda: waiting.engine.admitted == many[:1])
    late, _ = waiting.submit(owner="late")
    waiting.engine.ending.update([*many, late])
    assert waiting.admitted(3)[:2] == [many[0], late]


@pytest.mark.parametrize("full", ["slots", "memory"])
def test_the_youngest_bulk_row_makes_way_for_a_person_and_goes_on_where_it_stopped(running: Running, full: str) -> None:
    setattr(running.engine, full, 2)
    (old, _), (young, over) = running.submit(Lane.BATCH), running.submit(Lane.JOBS)
    running.admitted(2)
    late, _ = running.submit(Lane.BATCH)
    running.steps(1)
    person, _ = running.submit()
    running.engine.ending.add(person)
    eventually(lambda: running.steps(1) or (young in running.engine.rows and person in running.ledger.ended()))
    assert running.engine.pauses == [old] and late not in running.engine.admitted
    running.engine.ending |= {old, young}
    eventually(lambda: running.steps(1) or (over.is_set() and old in running.ledger.ended()))
    assert running.ledger.words(old) == list(range(2, 2 + len(running.ledger.words(old))))
    begun = [one.claim.job.id for turn in running.ledger.turns for one in turn.begun]
    assert begun.count(old) == 1 and not running.ledger.handed_back


def test_people_never_make_way_and_engines_need_not_pause(running: Running) -> None:
    running.engine.slots, running.engine.pausable = 2, False
    first, bulk = running.submit()[0], running.submit(Lane.BATCH)[0]
    assert running.admitted(2) == [first, bulk]
    second, _ = running.submit()
    running.steps(3)
    eventually(lambda: len(running.ledger.words(first)) >= 3)
    assert running.engine.rows == [first, bulk]
    running.engine.pausable = True
    third, _ = running.submit()
    eventually(lambda: running.steps(1) or second in running.engine.rows)
    running.steps(3)
    assert running.engine.paused == [bulk] and third not in running.engine.admitted


def test_a_paused_row_goes_before_people_in_the_end_and_keeps_its_place(running: Running) -> None:
    running.engine.slots = 1
    bulk, _ = running.submit(Lane.JOBS)
    eventually(lambda: running.engine.rows == [bulk])
    people = [running.submit()[0] for _ in range(2)]
    eventually(lambda: running.steps(1) or running.engine.rows == people[:1])
    running.clock.now += 31
    third, _ = running.submit()
    running.engine.ending.update(people)
    eventually(lambda: running.steps(1) or running.engine.rows == [bulk])
    running.steps(3)
    assert running.engine.pauses == [bulk] and third not in running.engine.admitted
    running.clock.now += 31
    eventually(lambda: running.steps(1) or running.engine.rows == [third])
    assert running.engine.pauses == [bulk, bulk]


def paused(running: Running) -> tuple[tuple[str, threading.Event], tuple[str, threading.Event]]:
    """A paused job, and the person's that took its only slot."""
    running.engine.slots = 1
    bulk = running.submit(Lane.BATCH)
    eventually(lambda: running.engine.rows == [bulk[0]])
    person = running.submit()
    eventually(lambda: running.steps(1) or running.engine.rows == [person[0]])
    return bulk, person


def test_a_paused_row_can_be_cancelled(running: Running) -> None:
    (bulk, over), _ = paused(running)
    running.ledger.cancelled = {bulk}
    eventually(lambda: running.steps(1) or over.is_set())
    assert not running.engine.paused and not running.ledger.handed_back


def test_a_failed_step_ends_paused_rows_too(running: Running) -> None:
    (bulk, over), (person, _) = paused(running)
    running.engine.failure = RuntimeError("boom")
    eventually(lambda: running.steps(1) or over.is_set())
    ended = running.ledger.ended()
    assert isinstance(ended[bulk], events.Failed) and isinstance(ended[person], events.Failed)


def test_a_stopped_batcher_hands_back_paused_rows(running: Running) -> None:
    (bulk, over), (person, _) = paused(running)
    running.batcher.stop(0)
    running.steps(2)
    assert over.wait(5) and set(running.ledger.handed_back) == {bulk, person}


def test_a_paused_row_whose_job_was_claimed_again_is_gone(running: Running) -> None:
    running.engine.slots = 1
    made = msgspec.structs.replace(chat("word"), lane=Lane.BATCH)
    over = running.batcher.submit(Claim(made, 1), running.engine.check(made))
    eventually(lambda: running.engine.rows == [made.id])
    person, _ = running.submit()
    eventually(lambda: running.steps(1) or running.engine.rows == [person])
    running.engine.ending.add(person)
    running.batcher.submit(Claim(made, 2), running.engine.check(made))
    eventually(lambda: running.steps(1) or over.is_set())
    assert running.admitted(3) == [made.id, person, made.id] and not running.engine.paused


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


def test_what_comes_after_the_last_step_is_handed_back_too(running: Running) -> None:
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

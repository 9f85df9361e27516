"""Who goes first, who takes turns, who makes way, and that nobody starves."""

from __future__ import annotations

import threading

import msgspec
import pytest

from tasks.redis.claims import Claim
from tasks.values import events
from tasks.values.job import Lane
from tests.support.servers import PATIENCE, eventually
from tests.workers.engines.rows import chat
from tests.workers.running import Running, made


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
    eventually(lambda: running.steps(1) or (young in running.engine.rows and person in running.claims.ended()))
    assert running.engine.pauses == [old] and late not in running.engine.admitted
    running.engine.ending |= {old, young}
    eventually(lambda: running.steps(1) or (over.is_set() and old in running.claims.ended()))
    assert running.claims.words(old) == list(range(2, 2 + len(running.claims.words(old))))
    begun = [one.claim.job.id for changes in running.claims.changes for one in changes.begun]
    assert begun.count(old) == 1 and not running.claims.handed_back


def test_people_never_make_way_and_engines_need_not_pause(running: Running) -> None:
    running.engine.slots, running.engine.pausable = 2, False
    first, bulk = running.submit()[0], running.submit(Lane.BATCH)[0]
    assert running.admitted(2) == [first, bulk]
    second, _ = running.submit()
    eventually(lambda: len(running.claims.words(first)) >= 3 or running.steps(1))
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
    running.claims.cancelled = {bulk}
    eventually(lambda: running.steps(1) or over.is_set())
    assert not running.engine.paused and not running.claims.handed_back


def test_a_failed_step_ends_paused_rows_too(running: Running) -> None:
    (bulk, over), (person, _) = paused(running)
    running.engine.failure = RuntimeError("boom")
    eventually(lambda: running.steps(1) or over.is_set())
    ended = running.claims.ended()
    assert isinstance(ended[bulk], events.Failed) and isinstance(ended[person], events.Failed)


def test_a_stopped_batcher_hands_back_paused_rows(running: Running) -> None:
    (bulk, over), (person, _) = paused(running)
    running.batcher.stop(0)
    running.steps(2)
    assert over.wait(PATIENCE) and set(running.claims.handed_back) == {bulk, person}


def test_a_paused_row_whose_job_was_claimed_again_is_gone(running: Running) -> None:
    running.engine.slots = 1
    made = msgspec.structs.replace(chat("word"), lane=Lane.BATCH)
    over = running.batcher.submit(Claim(made, 1), running.engine.prepare(made))
    eventually(lambda: running.engine.rows == [made.id])
    person, _ = running.submit()
    eventually(lambda: running.steps(1) or running.engine.rows == [person])
    running.engine.ending.add(person)
    running.batcher.submit(Claim(made, 2), running.engine.prepare(made))
    eventually(lambda: running.steps(1) or over.is_set())
    assert running.admitted(3) == [made.id, person, made.id] and not running.engine.paused

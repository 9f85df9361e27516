"""Who joins the batch when, and what becomes of rows when things go wrong."""

from __future__ import annotations

import threading

import pytest

from tasks.redis.claims import Changes, Claim, Written
from tasks.values import events
from tasks.values.job import Lane
from tests.support.servers import PATIENCE, eventually
from tests.workers.engines.rows import chat
from tests.workers.running import Running


def test_rows_join_up_to_the_slots_and_the_next_when_one_is_free(running: Running) -> None:
    jobs = [running.submit()[0] for _ in range(6)]
    running.steps(3)
    eventually(lambda: len(running.engine.admitted) == 4)
    running.engine.ending.add(jobs[0])
    running.steps(3)
    eventually(lambda: len(running.engine.admitted) == 5)
    assert running.engine.most == 4
    assert isinstance(running.claims.ended()[jobs[0]], events.Done)


def test_events_are_numbered_from_the_one_after_started(running: Running) -> None:
    job, over = running.submit()
    for numbers in ([2], [2, 3]):
        running.steps(1)
        eventually(lambda numbers=numbers: running.claims.words(job) == numbers)
    running.engine.ending.add(job)
    running.steps(1)
    assert over.wait(PATIENCE) and running.claims.words(job) == [2, 3, 4]
    assert running.claims.changes[0].begun[0].claim.job.id == job and not running.claims.changes[0].published


def test_while_memory_is_short_no_row_joins_others_but_one_alone_does(running: Running) -> None:
    first, _ = running.submit()
    eventually(lambda: running.steps(1) or running.engine.admitted == [first])
    running.batcher.spare(True)
    second, _ = running.submit()
    running.steps(5)
    eventually(lambda: running.engine.relieved == 1)
    assert running.engine.admitted == [first]
    running.engine.ending.add(first)
    running.steps(2)
    eventually(lambda: running.steps(1) or running.engine.admitted == [first, second])
    third, _ = running.submit()
    running.steps(5)
    assert running.engine.admitted == [first, second]
    running.batcher.spare(False)
    eventually(lambda: running.steps(1) or running.engine.admitted == [first, second, third])
    assert running.engine.relieved == 1


def test_an_engine_without_work_drops_its_caches_too(waiting: Running) -> None:
    waiting.start()
    waiting.batcher.spare(True)
    eventually(lambda: waiting.engine.relieved == 1)


def test_the_engine_is_warmed_further_while_no_row_is_there(waiting: Running) -> None:
    waiting.engine.cold = 3
    job, over = waiting.submit()
    waiting.start()
    eventually(lambda: waiting.engine.admitted == [job])
    assert waiting.engine.cold == 3 and not over.is_set()
    waiting.engine.ending.add(job)
    waiting.steps(1)
    assert over.wait(PATIENCE)
    eventually(lambda: waiting.engine.cold == 0)
    eventually(lambda: waiting.batcher.step is None)
    assert waiting.engine.beside == [0, 0, 0]


def test_an_engine_that_cannot_be_warmed_further_serves_all_the_same(waiting: Running) -> None:
    waiting.engine.cold, waiting.engine.failure = 3, RuntimeError("no compiler")
    waiting.start()
    eventually(lambda: waiting.batcher.step is None)
    waiting.engine.failure = None
    job, over = waiting.submit()
    waiting.engine.ending.add(job)
    waiting.steps(1)
    assert over.wait(PATIENCE) and isinstance(waiting.claims.ended()[job], events.Done)


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


def test_suspects_of_a_batch_hold_nobody_up_until_they_have_waited_long(running: Running) -> None:
    person, _ = running.submit()
    assert running.admitted(1) == [person]
    suspect, _ = running.submit(Lane.BATCH, alone=True)
    line, _ = running.submit(Lane.BATCH)
    assert running.admitted(2) == [person, line]
    running.clock.now += 200
    later, _ = running.submit()
    running.engine.ending |= {person, line, suspect}
    assert running.admitted(4) == [person, line, suspect, later]


def test_a_cancelled_row_is_dropped_wherever_it_stands(running: Running) -> None:
    running.engine.slots = 1
    (row, over), (waiting, waiting_over) = running.submit(), running.submit()
    eventually(lambda: running.engine.admitted == [row])
    running.claims.cancelled = {row, waiting}
    eventually(lambda: running.steps(1) or (over.is_set() and waiting_over.is_set()))
    assert running.engine.rows == [] and running.engine.admitted == [row] and not running.claims.ended()


def test_a_failed_step_ends_its_rows_and_the_next_ones_run(running: Running) -> None:
    jobs = [running.submit() for _ in range(3)]
    eventually(lambda: len(running.engine.rows) >= 1)
    running.engine.failure = RuntimeError("boom")
    running.steps(5)
    eventually(lambda: running.claims.ended())
    failed = list(running.claims.ended().values())
    assert all(isinstance(event, events.Failed) and "boom" in event.failure.message for event in failed)
    after, over = running.submit()
    running.engine.ending |= {after, *(job for job, _ in jobs)}
    running.steps(5)
    assert over.wait(PATIENCE) and isinstance(running.claims.ended()[after], events.Done)


def test_nothing_is_lost_while_the_queue_is_away(running: Running) -> None:
    job, over = running.submit()
    running.claims.away = 5
    running.engine.ending.add(job)
    running.steps(2)
    assert over.wait(PATIENCE)
    assert running.claims.words(job) == [2] and isinstance(running.claims.ended()[job], events.Done)


def test_a_stopped_batcher_hands_back_what_runs_and_what_waits(running: Running) -> None:
    running.engine.slots = 1
    (row, over), (waiting, waiting_over) = running.submit(), running.submit()
    eventually(lambda: running.engine.admitted == [row])
    running.batcher.stop(0)
    running.steps(2)
    assert over.wait(PATIENCE) and waiting_over.wait(PATIENCE)
    assert set(running.claims.handed_back) == {row, waiting}


def test_a_batcher_that_has_ended_hands_back_what_comes_late(running: Running) -> None:
    """Its job was claimed before the stop, and checked after it."""
    running.batcher.stop(0)
    running.thread.join(PATIENCE)
    late, over = running.submit()
    assert over.wait(PATIENCE) and running.claims.handed_back == [late]


def test_a_claim_taken_back_and_given_again_waits_for_its_old_row(running: Running) -> None:
    made = chat("word")
    running.batcher.submit(Claim(made, 1), running.engine.prepare(made))
    eventually(lambda: running.engine.admitted == [made.id])
    second = running.batcher.submit(Claim(made, 2), running.engine.prepare(made))
    eventually(lambda: len(running.claims.words(made.id)) >= 3 or running.steps(1))
    assert running.engine.admitted == [made.id] and not second.is_set()


def test_an_idle_engine_begins_with_all_who_come_together(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.serving.batcher._GATHER", PATIENCE)
    with running.batcher.expecting():
        first, _ = running.submit()
        second, _ = running.submit()
        assert not running.engine.admitted
    eventually(lambda: running.engine.admitted == [first, second])


def test_a_row_that_has_a_place_begins_before_the_step_that_it_joins(running: Running) -> None:
    running.engine.slots = 2
    first, _ = running.submit()
    eventually(lambda: running.engine.admitted == [first])
    second, _ = running.submit()  # while the engine is in a step
    third, _ = running.submit()
    begun = [one.claim.job.id for changes in running.claims.changes for one in changes.begun]
    assert begun == [first, second] and running.engine.admitted == [first]
    running.engine.ending |= {first, second, third}
    assert running.admitted(3) == [first, second, third]
    begun = [one.claim.job.id for changes in running.claims.changes for one in changes.begun]
    assert begun == [first, second, third]


def test_a_row_that_is_joining_has_its_place(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    running.engine.slots, running.claims.away = 1, 1
    joining, joined = threading.Event(), threading.Event()
    write = running.claims.write

    def slow(changes: Changes, cursor: str) -> Written:
        if threading.current_thread() is running.thread:
            joining.set()
            joined.wait(PATIENCE)
        return write(changes, cursor)

    monkeypatch.setattr(running.claims, "write", slow)
    first, _ = running.submit()
    assert joining.wait(PATIENCE)
    running.submit()
    joined.set()
    assert running.admitted(1) == [first]
    assert [one.claim.job.id for changes in running.claims.changes for one in changes.begun] == [first]


def test_a_row_that_waits_beside_a_suspect_does_not_begin(running: Running) -> None:
    first, _ = running.submit()
    eventually(lambda: running.engine.admitted == [first])
    running.submit(alone=True)
    running.submit()
    assert [one.claim.job.id for changes in running.claims.changes for one in changes.begun] == [first]


def test_a_row_whose_job_has_ended_meanwhile_joins_nothing(running: Running) -> None:
    running.claims.gone = True
    _, over = running.submit()
    assert over.is_set()
    running.claims.gone = False
    later, _ = running.submit()
    assert running.admitted(1) == [later]


def test_a_row_that_cannot_begin_while_the_queue_is_away_begins_with_the_step(running: Running) -> None:
    running.claims.away = 1
    row, _ = running.submit()
    assert running.admitted(1) == [row]
    assert [one.claim.job.id for changes in running.claims.changes for one in changes.begun] == [row]


def test_who_joins_after_a_step_does_not_wait_until_what_the_step_made_is_written(running: Running) -> None:
    running.engine.slots = 1
    (first, _), (second, _) = running.submit(), running.submit()
    running.engine.ending |= {first, second}
    running.steps(2)
    eventually(lambda: len(running.claims.ended()) == 2)
    begun, ended = (
        {part.claim.job.id: at for at, changes in enumerate(running.claims.changes) for part in getattr(changes, what)}
        for what in ("begun", "ended")
    )
    assert begun[first] < begun[second] < ended[first] <= ended[second]


@pytest.mark.parametrize("suspects", [(True, False), (False, True), (True, True)])
def test_what_a_step_made_is_written_before_a_suspect_begins_and_before_who_follows_one(
    running: Running, suspects: tuple[bool, bool]
) -> None:
    running.engine.slots = 1
    (first, _), (second, _) = (running.submit(alone=alone) for alone in suspects)
    running.engine.ending |= {first, second}
    running.steps(2)
    eventually(lambda: len(running.claims.ended()) == 2)
    begun, ended = (
        {part.claim.job.id: at for at, changes in enumerate(running.claims.changes) for part in getattr(changes, what)}
        for what in ("begun", "ended")
    )
    earlier, later = sorted((first, second), key=lambda job: begun[job])
    assert begun[earlier] < ended[earlier] <= begun[later] < ended[later]


def test_it_does_not_wait_long_for_who_takes_long(running: Running) -> None:
    with running.batcher.expecting():
        first, _ = running.submit()
        eventually(lambda: running.engine.admitted == [first])


def test_what_there_is_to_do_and_what_was_done_is_told(running: Running) -> None:
    jobs = [running.submit()[0] for _ in range(6)]
    running.steps(1)
    eventually(lambda: len(running.engine.admitted) == 4)
    vitals = running.batcher.vitals()
    assert (vitals.running, vitals.waiting, vitals.completed, vitals.failed) == (4, 2, 0, 0)
    running.engine.ending.update(jobs)
    running.steps(9)
    eventually(lambda: running.batcher.vitals().completed == 6)
    running.engine.generated, running.clock.now = 100, running.clock.now + 2
    vitals = running.batcher.vitals()
    assert (vitals.running, vitals.generated_tokens, vitals.tokens_per_second) == (0, 100, 50)
    running.clock.now += 2
    assert running.batcher.vitals().tokens_per_second == 0

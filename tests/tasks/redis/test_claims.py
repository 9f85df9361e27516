"""A claim is one worker's; an older attempt's writes are refused; a lost one runs again unless it may not."""

from __future__ import annotations

import pytest

from tasks.processes.presence import Presence
from tasks.redis.claims import Begun, Changes, Claim, Claims, Ended, Published, release
from tasks.redis.store import JobStore
from tasks.values import events, results
from tasks.values.job import Job, Status
from tests.support.jobs import chat
from tests.support.wire import counted
from tests.tasks.conftest import Twice


def submitted(store: JobStore, **fields: object) -> Job:
    job = chat(store, **fields)  # type: ignore[arg-type]
    store.submit(job, room=50)
    return job


def begun(store: JobStore, claims: Claims, **fields: object) -> Claim:
    claim = claims.claim(submitted(store, **fields).id)
    assert claim is not None
    assert not any(claims.write(Changes([Begun(claim, 5)]), "0-0").dropped)
    return claim


def delta(claim: Claim, text: str, number: int = 2) -> Changes:
    return Changes(published=[Published(claim, [(number, events.Delta(text))], None)])


def told(store: JobStore, claim: Claim) -> list[tuple[str, events.Event]]:
    found = store.redis.xrange(store.keys.events(claim.job.id))
    return [(entry.decode(), events.decode(fields[b"e"])) for entry, fields in found]


def test_one_worker_gets_the_job_however_often_it_is_sent(store: JobStore, one: Claims, two: Claims) -> None:
    job = submitted(store)
    claim = one.claim(job.id)
    assert claim is not None and (claim.attempt, claim.alone) == (1, False)
    assert two.claim(job.id) is None and one.claim(job.id) is None


def test_a_job_begins_once_and_not_after_its_end(store: JobStore, one: Claims) -> None:
    first, second = one.claim(submitted(store).id), one.claim(submitted(store).id)
    assert first is not None and second is not None
    assert one.begin(first, 5) and one.begin(first, 5)  # the reply to the first try was lost
    assert told(store, first) == [("1-1", events.Started(1, 5))]
    assert store.get(first.job.id, "anonymous").status is Status.RUNNING
    store.cancel(second.job.id, "anonymous")
    assert not one.begin(second, 5)


def test_a_turn_is_written_in_order_and_may_be_written_twice(store: JobStore, one: Claims) -> None:
    job = submitted(store)
    claim = one.claim(job.id)
    assert claim is not None
    result = results.TextResult((results.Choice("ab"),), events.Usage(1, 2))
    lines = Published(claim, [(2, events.Delta("a")), (3, events.Delta("b"))], 50)
    turn = Changes([Begun(claim, 5)], [lines], [Ended(claim, events.Done(result.usage), result)])
    for _ in range(2):  # the reply to the first was lost
        one.write(turn, "0-0")
    assert told(store, claim) == [
        ("1-1", events.Started(1, 5)),
        ("1-2", events.Delta("a")),
        ("1-3", events.Delta("b")),
        ("1-4", events.Done(result.usage)),
    ]
    record = store.get(job.id, "anonymous")
    assert (record.status, record.progress, record.usage) == (Status.SUCCEEDED, 100, result.usage)
    assert store.result(record) == result and record.finished is not None and record.expires is not None


def test_who_lost_a_claim_can_write_nothing(store: JobStore, one: Claims, two: Claims) -> None:
    old = begun(store, one)
    release(store, old.job, "worker-1", lost=True)
    new = two.claim(old.job.id)
    assert new is not None and new.attempt == 2
    two.write(Changes([Begun(new, 5)]), "0-0")
    stale = Changes(published=delta(old, "stale").published, ended=[Ended(old, events.Done(), results.TextResult(()))])
    assert one.write(stale, "0-0").dropped.holds(old)
    assert not two.write(delta(new, "fresh"), "0-0").dropped.holds(new)
    assert [entry for entry, _ in told(store, new)] == ["1-1", "2-1", "2-2"]
    assert store.get(old.job.id, "anonymous").status is Status.RUNNING


def test_a_cancellation_reaches_the_worker_that_runs_the_job(store: JobStore, one: Claims) -> None:
    claim, other = begun(store, one), begun(store, one)
    store.cancel(claim.job.id, "anonymous")
    written = one.write(delta(other, "a"), "0-0")
    assert written.dropped.holds(claim) and not written.dropped.holds(other)
    assert not one.write(delta(other, "b", 3), written.cursor).dropped.holds(claim)


def test_a_job_lost_with_its_worker_runs_again(store: JobStore, one: Claims) -> None:
    claim = begun(store, one, sync=True)
    release(store, claim.job, "worker-1", lost=True)
    assert store.get(claim.job.id, "anonymous").status is Status.QUEUED
    assert store.redis.zscore(store.keys.unclaimed("fake"), claim.job.id) is not None


@pytest.mark.parametrize("lost", [True, False])
@pytest.mark.parametrize(
    "shown",
    [
        events.Delta("text"),
        events.Delta("", 1, "length"),
        events.Delta("", logprobs=(events.TokenLogprob("", "8J8=", -1.0),)),
    ],
)
def test_a_stream_that_has_shown_something_never_runs_again(
    store: JobStore, one: Claims, lost: bool, shown: events.Delta
) -> None:
    claim = begun(store, one, sync=True, stream=True)
    one.write(Changes(published=[Published(claim, [(2, shown)], None)]), "0-0")
    release(store, claim.job, "worker-1", lost=lost)
    record = store.get(claim.job.id, "anonymous")
    assert record.failure is not None and record.failure.code == "worker_lost"
    assert isinstance(told(store, claim)[-1][1], events.Failed)


def test_an_answer_that_was_broken_off_is_told_why_its_worker_ended(store: JobStore, one: Claims) -> None:
    claim, presence = begun(store, one, sync=True, stream=True), Presence(store)
    one.write(delta(claim, "text"), "0-0")
    assert presence.explain("worker-1", "the engine stood still") == "the engine stood still"
    assert presence.explain("worker-1", "it was killed") == "the engine stood still"
    release(store, claim.job, "worker-1", lost=True)
    failure = store.get(claim.job.id, "anonymous").failure
    assert failure is not None and "had been sent because the engine stood still; ask again" in failure.message


def test_a_job_that_takes_its_workers_down_is_tried_alone_and_then_no_more(store: JobStore, one: Claims) -> None:
    claim = begun(store, one)
    release(store, claim.job, "worker-1", lost=True)
    again = one.claim(claim.job.id)
    assert again is not None and not again.alone
    one.write(Changes([Begun(again, 5)]), "0-0")
    release(store, claim.job, "worker-1", lost=True)
    last = one.claim(claim.job.id)
    assert last is not None and last.alone
    one.write(Changes([Begun(last, 5)]), "0-0")
    Presence(store).explain("worker-1", "it was killed")
    release(store, claim.job, "worker-1", lost=True)
    record = store.get(claim.job.id, "anonymous")
    assert record.failure is not None and record.failure.code == "poison"
    assert "3 times while it ran this job, the last time because it was killed; it is not" in record.failure.message


def test_a_job_that_takes_too_much_memory_runs_alone_and_then_no_more(store: JobStore, one: Claims) -> None:
    claim, beside = begun(store, one), one.claim(submitted(store).id)
    assert beside is not None
    for job in (claim.job, beside.job):
        one.blame(job.id)
    waited, again = one.claim(beside.job.id), one.claim(claim.job.id)
    assert waited is not None and not waited.alone  # it did not run
    assert again is not None and again.alone
    one.write(Changes([Begun(again, 5)]), "0-0")
    Presence(store).explain("worker-1", "its process took 9 GiB")
    one.blame(claim.job.id)
    record = store.get(claim.job.id, "anonymous")
    assert record.failure is not None and record.failure.code == "poison"
    assert "2 times while it ran this job, the last time because its process took 9 GiB" in record.failure.message


def test_waiting_beside_a_job_that_kills_is_no_fault(store: JobStore, one: Claims) -> None:
    job = submitted(store)
    for _ in range(5):
        claim = one.claim(job.id)
        assert claim is not None and not claim.alone
        release(store, job, "worker-1", lost=True)
    assert store.get(job.id, "anonymous").status is Status.QUEUED


def test_work_that_is_handed_back_counts_as_no_loss(store: JobStore, one: Claims) -> None:
    for _ in range(1):
        claim = begun(store, one)
        for _ in range(4):
            one.hand_back(claim)
            found = one.claim(claim.job.id)
            assert found is not None and not found.alone
            claim = found
            one.write(Changes([Begun(claim, 5)]), "0-0")
    assert store.get(claim.job.id, "anonymous").attempt == 5


def test_a_large_result_is_kept_beside_redis_and_read_the_same(store: JobStore, one: Claims) -> None:
    claim = begun(store, one)
    result = results.TextResult((results.Choice("x" * 100_000),))
    one.write(Changes(ended=[Ended(claim, events.Done(), result)]), "0-0")
    record = store.get(claim.job.id, "anonymous")
    assert not isinstance(record.result, bytes) and store.result(record) == result


def test_a_claim_is_held_until_the_job_ends_or_is_taken_back(store: JobStore, one: Claims, two: Claims) -> None:
    claims = [one.claim(submitted(store).id) for _ in range(3)]
    first, second, third = [claim for claim in claims if claim is not None]
    assert one.holds(first) and one.holds(second) and not two.holds(first)
    store.cancel(first.job.id, "anonymous")
    release(store, second.job, one.worker, lost=True)
    store.finish(third.job.id, events.Expired())
    assert not any(map(one.holds, (first, second, third)))
    again = one.claim(second.job.id)
    assert again is not None and one.holds(again) and not one.holds(second)


def test_a_step_is_one_round_trip_however_many_rows_it_has(
    store: JobStore, one: Claims, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = [begun(store, one) for _ in range(8)]
    with counted(monkeypatch) as sent:
        one.write(Changes(published=[line for claim in claims for line in delta(claim, "a").published]), "0-0")
    assert sent == ["pipeline"] * (2 if isinstance(store.scripts, Twice) else 1)


def test_a_token_is_one_entry_in_a_stream_and_no_change_of_a_record_that_says_so_already(
    store: JobStore, one: Claims
) -> None:
    claim = begun(store, one, sync=True, stream=True)
    one.write(delta(claim, "a"), "0-0")
    store.redis.config_resetstat()
    one.write(delta(claim, "b", 3), "0-0")
    found = store.redis.info("commandstats")
    assert "cmdstat_xadd" in found and "cmdstat_hset" not in found


def test_what_the_attempt_that_came_furthest_told_is_there_for_the_next(
    store: JobStore, one: Claims, two: Claims
) -> None:
    first = begun(store, one)
    assert one.earlier_events(first) == []
    heard = [events.Recording(90.0, "en", "english"), events.Segment(0.0, 1.5, " Hi."), events.Progress(3000, 9000)]
    one.write(Changes(published=[Published(first, list(enumerate(heard, 2)), 33)]), "0-0")
    release(store, first.job, "worker-1", lost=True)
    second = two.claim(first.job.id)
    assert second is not None
    assert two.earlier_events(second) == heard
    two.write(Changes([Begun(second, 0)]), "0-0")  # and it is lost before it could tell that again
    release(store, second.job, "worker-2", lost=True)
    third = one.claim(first.job.id)
    assert third is not None and one.earlier_events(third) == heard

"""A batch is its owner's and ends once; its lines go into flight and into the output once, by one runner at a time."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.batches.batches import Batches, BatchState, Cursor, Problem, Sizes, Status
from tasks.batches.lines import BatchLines, Place, Tally, line_job
from tasks.leader.housekeeping import Housekeeping
from tasks.redis.claims import Begun, Changes, Claims, release
from tasks.redis.exclusive_lease import Lease
from tasks.redis.store import JobStore
from tasks.stored.files import Files
from tasks.values import events
from tasks.values.errors import JobConflict, NotFound
from tasks.values.events import Usage
from tasks.values.job import Lane, Listing
from tasks.values.job import Status as JobStatus
from tests.support.jobs import chat


def made(store: JobStore, owner: str = "me", **more: Any) -> BatchState:
    blob = store.blobs.put(b"line\n", "application/jsonl")
    file = Files(store).add(owner, "in.jsonl", "batch", blob, None)
    given = {"endpoint": "/v1/embeddings", "window": "24h", "seconds": 86_400, "metadata": None, "output_keep": None}
    return Batches(store).create(file, **{**given, **more})


def leading(store: JobStore, id: str = "runner-1") -> BatchLines:
    store.redis.set(store.keys.runner(), id)
    return BatchLines(store, id)


def seen(store: JobStore, state: BatchState) -> BatchState:
    return Batches(store).get(state.batch.id, state.batch.owner)


def started(store: JobStore) -> tuple[BatchLines, BatchState]:
    lines, state = leading(store), made(store)
    lines.move(state.batch, Status.IN_PROGRESS, Status.VALIDATING, total=3)
    return lines, seen(store, state)


PLACES = {1: Place(0, 10), 2: Place(10, 5)}


def test_a_batch_is_read_by_its_owner_alone(store: JobStore) -> None:
    state = made(store, metadata={"a": "b"}, output_keep=3600)
    assert seen(store, state) == state and state.status is Status.VALIDATING
    assert state.batch.deadline - state.batch.created == 86_400_000
    with pytest.raises(NotFound):
        Batches(store).get(state.batch.id, "you")


def test_batches_are_listed_newest_first(store: JobStore) -> None:
    ids = [made(store).batch.id for _ in range(4)]
    made(store, owner="you")
    page = Batches(store).list("me", limit=3)
    assert [state.batch.id for state in page.states] == ids[:0:-1] and page.has_more
    rest = Batches(store).list("me", limit=3, after=ids[1])
    assert [state.batch.id for state in rest.states] == ids[:1] and not rest.has_more


def test_a_cancel_may_be_asked_twice_but_not_of_what_has_ended(store: JobStore) -> None:
    lines, state = leading(store), made(store)
    for _ in range(2):
        assert Batches(store).cancel(state.batch.id, "me").status is Status.CANCELLING
    assert lines.settle(state.batch, Status.CANCELLED)
    with pytest.raises(JobConflict, match="cancelled"):
        Batches(store).cancel(state.batch.id, "me")


def test_one_that_has_ended_can_be_deleted(store: JobStore) -> None:
    lines, state = leading(store), made(store)
    with pytest.raises(JobConflict, match="cancel it first"):
        Batches(store).delete(state.batch.id, "me")
    lines.settle(state.batch, Status.CANCELLED)
    with pytest.raises(NotFound):
        Batches(store).delete(state.batch.id, "somebody else")
    Batches(store).delete(state.batch.id, "me")
    with pytest.raises(NotFound):
        Batches(store).get(state.batch.id, "me")
    assert Batches(store).list("me", limit=5).states == ()


def test_lines_go_into_flight_once(store: JobStore) -> None:
    lines, state = started(store)
    for _ in range(2):  # the second time as after a lost reply
        assert lines.take(state.batch, Cursor(), Cursor(2, 15), PLACES)
    assert lines.inflight(state.batch.id) == PLACES and seen(store, state).cursor == Cursor(2, 15)
    assert not lines.take(state.batch, Cursor(), Cursor(1, 10), {1: Place(0, 10)})


def test_what_came_of_lines_is_counted_once(store: JobStore) -> None:
    lines, state = started(store)
    lines.take(state.batch, Cursor(), Cursor(2, 15), PLACES)
    usage = Usage(3, 2, 1, reasoning_tokens=1)
    tally = Tally(completed=1, usage=usage) + Tally()
    for _ in range(2):
        assert lines.commit(state.batch, Sizes(), Sizes(100, 0), tally, [1])
    found = seen(store, state)
    assert (found.sizes, found.completed, found.failed, found.usage) == (Sizes(100, 0), 1, 0, usage)
    assert lines.inflight(state.batch.id) == {2: PLACES[2]}
    assert not lines.commit(state.batch, Sizes(100, 0), Sizes(200, 0), tally, [1])  # it is not in flight
    assert not lines.commit(state.batch, Sizes(), Sizes(0, 50), Tally(failed=1), [2])  # the files are longer


def test_lines_that_never_ran_move_the_cursor_as_they_are_counted(store: JobStore) -> None:
    lines, state = started(store)
    assert lines.commit(state.batch, Sizes(), Sizes(0, 90), Tally(failed=2), to=Cursor(2, 15))
    found = seen(store, state)
    assert (found.cursor, found.sizes, found.failed) == (Cursor(2, 15), Sizes(0, 90), 2)


def test_a_runner_that_lost_its_lease_changes_nothing(store: JobStore) -> None:
    old, state = started(store)
    old.take(state.batch, Cursor(), Cursor(2, 15), PLACES)
    leading(store, "runner-2")
    assert not old.take(state.batch, Cursor(2, 15), Cursor(3, 20), {3: Place(15, 5)})
    assert not old.commit(state.batch, Sizes(), Sizes(9, 0), Tally(completed=1), [1])
    assert not old.settle(state.batch, Status.COMPLETED)
    old.move(state.batch, Status.FINALIZING, Status.IN_PROGRESS)
    assert seen(store, state).status is Status.IN_PROGRESS


def test_it_ends_once_with_its_files_and_lets_its_input_go(store: JobStore) -> None:
    lines, state = started(store)
    assert store.redis.hget(store.keys.blob(state.batch.input.sha256), "me") == b"2"
    blob = store.blobs.put(b"done", "application/jsonl")
    file = Files(store).new("me", "out.jsonl", "batch_output", blob, 60)
    assert lines.settle(state.batch, Status.COMPLETED, {"output_file": file})
    assert not lines.settle(state.batch, Status.EXPIRED)
    found = seen(store, state)
    assert (found.status, found.output_file, found.error_file) == (Status.COMPLETED, file.id, None)
    assert Files(store).get(file.id, "me") == file and lines.running() == []
    assert store.redis.hget(store.keys.blob(state.batch.input.sha256), "me") == b"1"


def test_a_failed_batch_says_why(store: JobStore) -> None:
    lines, state = leading(store), made(store)
    problem = Problem("invalid_json_line", "no JSON", None, 3)
    assert lines.settle(state.batch, Status.FAILED, problems=[problem])
    assert seen(store, state).problems == (problem,) and Status.FAILED in seen(store, state).times


def test_a_batch_whose_time_is_over_is_removed(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    lines, state = leading(store), made(store)
    lines.settle(state.batch, Status.CANCELLED)
    later = store.now() + store.settings.batch_ttl * 1000 + 1000
    monkeypatch.setattr(JobStore, "now", lambda _: later)
    with pytest.raises(NotFound):
        seen(store, state)
    Housekeeping(store).run()
    assert not store.redis.exists(store.keys.batch(state.batch.id), store.keys.batches("me"), store.keys.outdated())


def test_a_line_s_job_has_the_same_id_at_every_try_and_another_for_another_line() -> None:
    ids = {line_job(f"batch_{'0' * 31}{batch}", line) for batch in (1, 2) for line in range(1000) for _ in range(2)}
    assert len(ids) == 2000 and all(len(job_id) == len("job_") + 32 for job_id in ids)


def test_the_jobs_of_lines_sort_like_their_lines() -> None:
    ids = [line_job(f"batch_{'0' * 32}", line) for line in (*range(1, 200), 4095, 4096, 50_000, 2**31)]
    assert ids == sorted(ids)


def test_lines_are_listed_only_when_asked_for_and_land_when_they_end(store: JobStore) -> None:
    line, job = chat(store, lane=Lane.BATCH), chat(store, lane=Lane.JOBS)
    for one in (line, job):
        store.submit(one, room=9)
        store.finish(one.id, events.Done())
    assert [record.job.id for record in store.list("anonymous", limit=9).records] == [job.id]
    found = store.list("anonymous", limit=9, include=Listing.LINES).records
    assert {record.job.id for record in found} == {job.id, line.id}
    assert BatchLines(store, "me").landed(9) == [line.id]


def test_a_line_takes_down_two_workers_at_most_and_the_second_alone(store: JobStore, one: Claims) -> None:
    line = chat(store, lane=Lane.BATCH)
    store.submit(line, room=9)
    for attempt in (1, 2):
        claim = one.claim(line.id)
        assert claim is not None and claim.alone == (attempt == 2)
        one.write(Changes([Begun(claim, 1)]), "0-0")
        release(store, line, one.worker, lost=True)
    record = store.get(line.id, "anonymous")
    assert record.status is JobStatus.FAILED and record.failure is not None and record.failure.code == "poison"


def test_one_holds_a_lease_at_a_time(store: JobStore) -> None:
    first, second = (Lease(store, store.keys.runner(), holder) for holder in ("a", "b"))
    assert first.holds() and first.holds() and not second.holds()
    first.resign()
    assert second.holds() and not first.holds()

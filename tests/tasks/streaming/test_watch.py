"""Many jobs are read together, at the reader's pace, each from where it was read to until it is over."""

from __future__ import annotations

import pytest

from tasks.batches.batches import Batch, Batches, Sizes
from tasks.batches.batches import Status as BatchStatus
from tasks.batches.lines import BatchLines, Tally
from tasks.redis.claims import Begun, Changes, Claims, Ended, Published
from tasks.redis.store import JobStore
from tasks.stored.files import Files
from tasks.streaming import watch
from tasks.streaming.watch import BatchWatch, Over, Sight, Told, Watch
from tasks.values import events
from tasks.values.job import Job, Status
from tests.support.jobs import chat


def run(store: JobStore, claims: Claims, words: int = 3, *, end: bool = True) -> Job:
    job = chat(store)
    store.submit(job, room=50)
    claim = claims.claim(job.id)
    assert claim is not None
    deltas = [(number + 2, events.Delta(f"w{number} ")) for number in range(words)]
    ended = [Ended(claim, events.Done())] if end else []
    claims.write(Changes([Begun(claim, 1)], [Published(claim, deltas, None)], ended), "0-0")
    return job


def made(store: JobStore) -> Batch:
    file = Files(store).add("me", "in.jsonl", "batch", store.blobs.put(b"line\n", "application/jsonl"), None)
    asked = {"endpoint": "/v1/embeddings", "window": "24h", "seconds": 60, "metadata": None, "output_keep": None}
    return Batches(store).create(file, **asked).batch  # type: ignore[arg-type]


def seen(watch: Watch) -> list[Sight]:
    found: list[Sight] = []
    while len(watch) and (some := list(watch.read(0.01))):
        found += some
    return found


def ids(found: list[Sight], job: Job) -> list[str]:
    return [one.entry_id for one in found if isinstance(one, Told) and one.job_id == job.id]


def test_jobs_are_read_side_by_side_to_their_ends(store: JobStore, one: Claims) -> None:
    jobs = [run(store, one, words) for words in (2, 40)]  # the second takes several reads
    watch = Watch(store)
    for job in jobs:
        watch.add(job.id)
    found = seen(watch)
    assert [len(ids(found, job)) for job in jobs] == [4, 42]
    assert ids(found, jobs[1]) == [f"1-{number}" for number in range(1, 43)]
    assert {one for one in found if isinstance(one, Over)} == {Over(job.id, Status.SUCCEEDED) for job in jobs}
    assert len(watch) == 0


def test_a_read_takes_a_bounded_part_of_each_stream(store: JobStore, one: Claims) -> None:
    job = run(store, one, 100)
    watch = Watch(store)
    watch.add(job.id)
    assert len(list(watch.read(0.01))) == 16 and job.id in watch


def test_it_goes_on_after_an_id_and_stops_when_dropped(store: JobStore, one: Claims) -> None:
    job = run(store, one, 5, end=False)
    watch = Watch(store)
    watch.add(job.id, after="1-4")
    assert ids(seen(watch), job) == ["1-5", "1-6"]
    watch.drop(job.id)
    watch.drop(job.id)
    store.finish(job.id, events.Cancelled())
    assert list(watch.read(0.01)) == []


def test_the_record_tells_when_the_stream_has_gone(store: JobStore, one: Claims) -> None:
    job, gone = run(store, one), run(store, one)
    store.redis.delete(store.keys.events(job.id), store.keys.events(gone.id), store.keys.job(gone.id))
    watch = Watch(store)
    for each in (job, gone):
        watch.add(each.id)
    found = seen(watch)
    assert found[-1] in (Over(job.id, Status.SUCCEEDED), Over(gone.id, None))
    assert Over(gone.id, None) in found and len(ids(found, job)) == 1 and len(watch) == 0


def test_a_job_that_had_been_read_to_its_end_is_over_at_once(store: JobStore, one: Claims) -> None:
    job = run(store, one)
    watch = Watch(store)
    watch.add(job.id, after="1-99")
    assert seen(watch) == [Over(job.id, Status.SUCCEEDED)]


def test_a_batch_is_told_as_it_stands_and_when_it_changes(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "BATCH_PACE", 0.0)
    batch, watched = made(store), BatchWatch(Batches(store))
    watched.add(batch.id)
    ((_, first),) = watched.read()
    assert first is not None and first.status is BatchStatus.VALIDATING and list(watched.read()) == []
    store.redis.set(store.keys.runner(), "runner")
    lines = BatchLines(store, "runner")
    lines.move(batch, BatchStatus.IN_PROGRESS, BatchStatus.VALIDATING, total=2)
    lines.commit(batch, Sizes(), Sizes(9, 0), Tally(completed=1))
    ((_, second),) = watched.read()
    assert second is not None and (second.status, second.completed) == (BatchStatus.IN_PROGRESS, 1)
    lines.settle(batch, BatchStatus.CANCELLED)
    ((_, last),) = watched.read()
    assert last is not None and last.status is BatchStatus.CANCELLED
    assert len(watched) == 0 and list(watched.read()) == []


def test_a_batch_is_looked_at_now_and_then_and_one_that_is_gone_is_said_to_be(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "BATCH_PACE", 3600.0)
    watched = BatchWatch(Batches(store))
    watched.add("batch_none")
    assert list(watched.read()) == [("batch_none", None)] and len(watched) == 0
    batch = made(store)
    watched.add(batch.id)
    assert len(list(watched.read())) == 1
    store.redis.hset(store.keys.batch(batch.id), "total", 7)
    assert list(watched.read()) == []

"""A job is made once, ends once, and leaves nothing behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mlxq.settings import Settings
from tasks.leader.housekeeping import Housekeeping
from tasks.redis import store as stores
from tasks.redis.claims import Claims
from tasks.redis.records import INLINE
from tasks.redis.search import Criteria
from tasks.redis.store import JobStore
from tasks.values import events, results
from tasks.values.errors import (
    Failure,
    IdempotencyMismatch,
    JobConflict,
    JobNotFinished,
    NotFound,
    QueueFull,
    QueueUnavailable,
    StorageFull,
    TooManyJobs,
)
from tasks.values.job import Lane, Listing, Status
from tasks.values.requests import ImageRequest
from tests.support.jobs import chat, embedding
from tests.support.servers import free_port


def test_a_new_job_is_queued_with_those_ahead_of_it(store: JobStore) -> None:
    jobs = [chat(store) for _ in range(3)]
    for job in jobs:
        assert store.submit(job, room=5) == (job.id, False)
    record = store.get(jobs[2].id, "anonymous")
    assert (record.job, record.status, record.position, record.attempt) == (jobs[2], Status.QUEUED, 2, 0)


def test_a_submit_whose_reply_was_lost_may_be_done_again(store: JobStore) -> None:
    job = chat(store, idempotency_key="k")
    assert [store.submit(job, room=1, digest="a") for _ in range(2)] == [(job.id, False)] * 2
    assert len(store.list("anonymous", limit=5).records) == 1


def test_a_job_of_a_later_lane_has_the_earlier_lanes_ahead(store: JobStore) -> None:
    later, sooner = chat(store, lane=Lane.JOBS), chat(store)
    for job in (later, sooner):
        store.submit(job, room=5)
    assert store.get(later.id, "anonymous").position == 1


def test_an_owner_s_jobs_that_run_on_are_bounded_until_they_end(store: JobStore) -> None:
    jobs = [chat(store, detached=True, lane=Lane.JOBS) for _ in range(3)]
    for job in jobs[:2]:
        for _ in range(2):  # the reply of the first try was lost
            store.submit(job, room=9, most=2)
    with pytest.raises(TooManyJobs, match="2 jobs of this key"):
        store.submit(jobs[2], room=9, most=2)
    assert store.find(jobs[2].id) is None
    store.submit(chat(store), room=9, most=2)  # somebody waits for this one
    store.submit(chat(store, detached=True, owner="key_other"), room=9, most=2)
    assert store.finish(jobs[0].id, events.Cancelled())
    store.submit(jobs[2], room=9, most=2)
    with pytest.raises(TooManyJobs):
        store.submit(chat(store, detached=True), room=9, most=2)


def test_who_joins_a_job_makes_none_that_counts(store: JobStore) -> None:
    first, again = (chat(store, detached=True, idempotency_key="k") for _ in range(2))
    store.submit(first, room=9, digest="a", most=1)
    assert store.submit(again, room=9, digest="a", most=1) == (first.id, True)


def test_jobs_of_every_owner_are_listed_newest_first(store: JobStore) -> None:
    jobs = [chat(store, owner=owner, lane=Lane.JOBS) for owner in ("a", "b", "a")]
    line = chat(store, owner="b", lane=Lane.BATCH)
    for job in (*jobs, line):
        store.submit(job, room=9)
    store.finish(jobs[1].id, events.Cancelled())
    newest_first = [job.id for job in reversed(jobs)]
    page = store.list(None, limit=2)
    assert ([record.job.id for record in page.records], page.has_more) == (newest_first[:2], True)
    assert [record.job.id for record in store.list(None, limit=2, after=newest_first[1]).records] == newest_first[2:]
    assert line.id in [record.job.id for record in store.list(None, limit=9, include=Listing.LINES).records]
    since = Criteria(since=jobs[0].created + 60_000)
    assert store.list(None, limit=9, criteria=since).records == ()


def test_it_ends_once(store: JobStore) -> None:
    job = chat(store)
    store.submit(job, room=5)
    assert store.finish(job.id, events.Cancelled())
    assert not store.finish(job.id, events.Expired())
    assert not store.finish("job_none", events.Expired())
    assert store.get(job.id, "anonymous").status is Status.CANCELLED
    assert store.redis.xlen(store.keys.events(job.id)) == 1


def test_a_full_lane_says_when_to_come_back_and_other_lanes_have_room(store: JobStore) -> None:
    for _ in range(2):
        store.submit(chat(store), room=2)
    with pytest.raises(QueueFull) as caught:
        store.submit(chat(store), room=2)
    assert 1 <= (caught.value.failure.retry_after or 0) <= 120
    store.submit(chat(store, lane=Lane.BATCH), room=2)


def test_the_wait_follows_from_the_rate_at_which_jobs_end(store: JobStore) -> None:
    for _ in range(30):
        job = chat(store)
        store.submit(job, room=100)
        store.finish(job.id, events.Done())
    for _ in range(10):
        store.submit(chat(store), room=100)
    assert 1 <= store.drain_time("fake") <= 40  # 30 a minute or two, ten waiting
    store.redis.delete(store.keys.done("fake"))
    assert store.drain_time("fake") == 10


def test_a_key_joins_the_same_body_and_refuses_another(store: JobStore) -> None:
    first, same, other = (chat(store, idempotency_key="k") for _ in range(3))
    store.submit(first, room=1, digest="a")
    assert store.submit(same, room=1, digest="a") == (first.id, True)  # even when the lane is full
    with pytest.raises(IdempotencyMismatch, match=first.id):
        store.submit(other, room=5, digest="b")
    assert store.submit(embedding(store, idempotency_key="k"), room=5, digest="b").joined is False
    assert store.submit(chat(store, idempotency_key="k", owner="else"), room=5, digest="b").joined is False
    assert {record.job.id for record in store.by_idempotency_key("anonymous", "k")} >= {first.id}


def test_submits_with_one_key_at_once_make_one_job(store: JobStore) -> None:
    jobs = [chat(store, idempotency_key="k") for _ in range(16)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda job: store.submit(job, room=50, digest="a"), jobs))
    assert len({found.id for found in made}) == 1 and [found.joined for found in made].count(False) == 1
    assert len(store.list("anonymous", limit=50).records) == 1


def test_a_key_lives_as_long_as_its_record(store: JobStore) -> None:
    job = chat(store, idempotency_key="k")
    store.submit(job, room=5, digest="a")
    store.finish(job.id, events.Done())
    store.delete(job.id, "anonymous")
    assert store.submit(chat(store, idempotency_key="k"), room=5, digest="b").joined is False


def test_only_its_owner_sees_a_job(store: JobStore) -> None:
    job = chat(store, owner="mine")
    store.submit(job, room=5)
    for call in (store.get, store.cancel, store.delete):
        with pytest.raises(NotFound):
            call(job.id, "theirs")
    assert store.list("theirs", limit=5).records == ()


def test_listing_goes_from_the_newest_by_filter_and_cursor(store: JobStore) -> None:
    jobs = [chat(store, model=model) for model in ("a", "b", "a", "a")]
    sync = chat(store, sync=True)
    for job in (*jobs, sync):
        store.submit(job, room=9)
    store.finish(jobs[0].id, events.Done())

    def ids(**asked: object) -> list[str]:
        return [record.job.id for record in store.list("anonymous", **{"limit": 9, **asked}).records]  # type: ignore[arg-type]

    assert ids() == [job.id for job in reversed(jobs)]
    assert ids(criteria=Criteria(models=frozenset({"a"}))) == [jobs[3].id, jobs[2].id, jobs[0].id]
    assert ids(criteria=Criteria(status=Status.SUCCEEDED)) == [jobs[0].id]
    assert ids(include=Listing.SYNC)[0] == sync.id
    assert ids(criteria=Criteria(endpoint="/v1/embeddings")) == []
    page = store.list("anonymous", limit=2)
    assert page.has_more and ids(after=page.records[-1].job.id) == [jobs[1].id, jobs[0].id]


def test_a_listing_is_narrowed_by_labels_metadata_and_creation(store: JobStore) -> None:
    both, one, none = (
        chat(store, labels=labels, metadata=metadata, created=created)
        for labels, metadata, created in (
            (("night", "eu"), {"team": "a", "run": "7"}, 1_000_000),
            (("night",), {"team": "b"}, 2_000_000),
            ((), {}, 3_000_000),
        )
    )
    for job in (both, one, none):
        store.submit(job, room=9)

    def ids(**asked: Any) -> list[str]:
        return [record.job.id for record in store.list("anonymous", limit=9, criteria=Criteria(**asked)).records]

    assert ids(labels=frozenset({"night"})) == [one.id, both.id]
    assert ids(labels=frozenset({"night", "eu"})) == [both.id]
    assert ids(metadata={"team": "a"}) == [both.id] and ids(metadata={"team": "a", "run": "8"}) == []
    assert ids(since=2_000_000) == [none.id, one.id] and ids(before=2_000_000) == [both.id]
    assert ids(since=1_500_000, before=2_500_000, labels=frozenset({"eu"})) == []


def test_priority_moves_a_job_within_its_lane(store: JobStore) -> None:
    plain, urgent, idle = (chat(store, lane=Lane.JOBS, priority=priority) for priority in (0, 3, -1))
    interactive = chat(store, priority=-10)
    for job in (plain, urgent, idle, interactive):
        store.submit(job, room=9)
    ahead = {job.id: store.get(job.id, "anonymous").position for job in (interactive, urgent, plain, idle)}
    assert list(ahead.values()) == [0, 1, 2, 3]


def test_a_deadline_cancels_a_job_that_asked_for_it(store: JobStore) -> None:
    job = chat(store, cancels=True)
    store.submit(job, room=9)
    assert store.expire(job.id) and not store.expire(job.id)
    record = store.get(job.id, "anonymous")
    assert (record.status, record.terminal) == (Status.CANCELLED, events.Cancelled("cancel_after"))


def test_what_is_cancelled_is_never_claimed(store: JobStore, one: Claims) -> None:
    job = chat(store)
    store.submit(job, room=5)
    assert store.cancel(job.id, "anonymous").status is Status.CANCELLED
    assert one.claim(job.id) is None
    with pytest.raises(JobConflict):
        store.cancel(job.id, "anonymous")


def test_a_result_is_there_only_after_success(store: JobStore) -> None:
    job = chat(store)
    store.submit(job, room=5)
    with pytest.raises(JobNotFinished):
        store.result(store.get(job.id, "anonymous"))
    store.finish(job.id, events.Failed(Failure("engine_error", "no")))
    with pytest.raises(NotFound):
        store.result(store.get(job.id, "anonymous"))


def test_a_deleted_job_leaves_no_key_and_no_claim_on_a_blob(store: JobStore) -> None:
    ref = store.blobs.put(b"recording", "audio/wav")
    job = chat(store, "x" * (INLINE + 1), inputs=(ref,), idempotency_key="k", lane=Lane.JOBS)
    store.submit(job, room=5, digest="a")
    assert store.owns_blob("anonymous", ref.sha256) is not None and store.owns_blob("else", ref.sha256) is None
    assert store.get(job.id, "anonymous").job == job
    with pytest.raises(JobConflict):
        store.delete(job.id, "anonymous")
    store.finish(job.id, events.Cancelled())
    store.delete(job.id, "anonymous")
    left = {key.decode() for key in store.redis.keys("*")}
    assert left <= {store.keys.done("fake"), store.keys.notify_leader(), store.keys.lanes("fake")}
    assert (
        list(store.blobs.sweep(lambda sha256: bool(store.redis.exists(store.keys.blob(sha256))), age=-1)) == [True] * 2
    )


def test_the_blobs_that_a_result_refers_to_are_its_owner_s_as_long_as_the_record(store: JobStore, one: Claims) -> None:
    refs = [store.blobs.put(data, "image/png") for data in (b"first", b"second")]
    drawn = chat(store, payload=ImageRequest(prompt="a cat", seed=1, n=2))
    store.submit(drawn, room=9)
    claim = one.claim(drawn.id)
    assert claim is not None
    told = [events.Picture(number, ref, 8, 8, number, 4) for number, ref in enumerate(refs)]
    one.settle(claim, events.Done(), results.fold(drawn.payload, [*told, events.Done()]))
    assert store.get(drawn.id, "anonymous").outputs == tuple(refs)
    assert all(store.owns_blob("anonymous", ref.sha256) for ref in refs)
    store.delete(drawn.id, "anonymous")
    assert not any(store.owns_blob("anonymous", ref.sha256) for ref in refs)


def test_what_outlived_its_time_is_gone_at_once_and_cleaned_up_later(store: JobStore) -> None:
    job = chat(store, keep=0)
    store.submit(job, room=5)
    store.finish(job.id, events.Done())
    with pytest.raises(NotFound):
        store.get(job.id, "anonymous")
    assert store.redis.exists(store.keys.job(job.id))
    Housekeeping(store).run()
    assert not store.redis.exists(store.keys.job(job.id), store.keys.events(job.id), store.keys.expiry())


def test_the_last_who_leaves_a_synchronous_job_cancels_it(store: JobStore) -> None:
    job = chat(store, sync=True)
    store.submit(job, room=5)
    assert not store.follow(job.id, "a", 2) and not store.follow(job.id, "b", 1)
    assert not store.follow(job.id, "a", 1) and not store.follow(job.id, "a", 0)
    assert store.follow(job.id, "b", 0)
    assert store.abandon(job.id, events.Cancelled("client went away"))
    assert store.get(job.id, "anonymous").terminal == events.Cancelled("client went away")


@pytest.mark.parametrize("kept", [{"sync": False}, {"sync": True, "detached": True}])
def test_a_job_that_someone_may_poll_goes_on_without_followers(store: JobStore, kept: dict[str, bool]) -> None:
    job = chat(store, **kept)
    store.submit(job, room=5)
    store.follow(job.id, "a", 1)
    assert not store.follow(job.id, "a", 0)
    assert store.get(job.id, "anonymous").status is Status.QUEUED


def test_a_full_redis_refuses_new_jobs_and_lets_those_it_has_end(store: JobStore) -> None:
    job = chat(store)
    store.submit(job, room=5)
    memory = store.redis.config_get("maxmemory")["maxmemory"]
    store.redis.config_set("maxmemory", "1mb")
    try:
        with pytest.raises(StorageFull) as caught:
            store.submit(chat(store), room=5)
        assert caught.value.failure.retry_after
        assert store.finish(job.id, events.Done())
    finally:
        store.redis.config_set("maxmemory", memory)


def test_an_unreachable_redis_is_said_with_when_to_come_back(settings: Settings) -> None:
    away = stores.connect(Settings(redis_url=f"redis://127.0.0.1:{free_port()}/0", home=settings.home))
    with pytest.raises(QueueUnavailable) as caught:
        away.now()
    assert caught.value.failure.retry_after


def test_a_job_whose_request_file_was_deleted_stops_no_listing_and_no_housekeeping(store: JobStore) -> None:
    lost, kept = chat(store, "long " * 20_000), chat(store)
    for job in (lost, kept):
        store.submit(job, room=5)
        store.finish(job.id, events.Cancelled())
    for path in store.blobs.root.rglob("*"):
        if path.is_file():
            path.unlink()
    assert [record.job.id for record in store.list("anonymous", limit=5).records] == [kept.id]
    store.redis.zadd(store.keys.expiry(), {lost.id: 1})
    Housekeeping(store).run()
    assert not store.redis.exists(store.keys.job(lost.id), store.keys.events(lost.id))
    assert store.redis.zscore(store.keys.expiry(), lost.id) is None
    assert store.redis.zrange(store.keys.index("anonymous", Listing.JOBS), 0, -1) == [kept.id.encode()]


def test_the_dispatcher_is_woken_by_an_end_only_while_somebody_waits(store: JobStore) -> None:
    wake = store.keys.notify_leader()
    for lane, woken in ((Lane.INTERACTIVE, 0), (Lane.JOBS, 1)):
        person = chat(store)
        store.submit(person, room=5)
        store.submit(chat(store, lane=lane), room=5)
        store.redis.delete(wake)
        store.finish(person.id, events.Done())
        assert store.redis.llen(wake) == woken

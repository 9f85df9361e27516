"""The leader keeps the bulk lanes' window full, fairly, and finds what died."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlxq.settings import Settings
from tasks.leader.coordinator import Coordinator
from tasks.leader.dispatch import HEADROOM, Dispatcher
from tasks.leader.housekeeping import Housekeeping
from tasks.leader.reconcile import Reconciler
from tasks.processes.presence import ModelState, Presence, Worker
from tasks.redis import celery_messages
from tasks.redis import store as stores
from tasks.redis.claims import Begun, Changes, Claims
from tasks.redis.exclusive_lease import Lease
from tasks.redis.store import JobStore
from tasks.values import events
from tasks.values.job import Job, Lane, Status
from tests.support.jobs import chat
from tests.support.servers import Valkey, eventually
from tests.support.wire import counted

SLOTS = 2


def submitted(store: JobStore, owner: str = "anonymous", lane: Lane = Lane.JOBS, **fields: object) -> Job:
    job = chat(store, owner=owner, lane=lane, **fields)  # type: ignore[arg-type]
    store.submit(job, room=500)
    return job


def sent(store: JobStore) -> list[str]:
    """Ids in the model's Celery queue."""
    return sorted(celery_messages.pending(store.redis, store.keys.messages("fake")))


def leader(store: JobStore, id: str) -> Lease:
    return Lease(store, store.keys.leader(), id)


def dispatcher(store: JobStore) -> Dispatcher:
    Presence(store).show(Worker("worker-1", "fake", 1, SLOTS))
    assert leader(store, "me").holds()
    return Dispatcher(store, Presence(store), "me")


def test_one_leads_at_a_time(store: JobStore) -> None:
    first, second = leader(store, "a"), leader(store, "b")
    assert first.holds() and first.holds() and not second.holds()
    first.resign()
    assert second.holds() and not first.holds()


def test_an_interactive_job_is_sent_at_once_and_others_wait(store: JobStore) -> None:
    now, later = submitted(store, lane=Lane.INTERACTIVE), submitted(store)
    assert sent(store) == [now.id]
    dispatcher(store).run("fake")
    assert sent(store) == sorted([now.id, later.id])


def test_the_window_is_bounded_and_refilled_as_jobs_end(store: JobStore) -> None:
    jobs = [submitted(store) for _ in range(10)]
    leading = dispatcher(store)
    assert leading.run("fake") == SLOTS + HEADROOM and leading.run("fake") == 0
    assert sent(store) == sorted(job.id for job in jobs[: SLOTS + HEADROOM])
    store.finish(jobs[0].id, events.Cancelled())
    assert leading.run("fake") == 1


def test_who_waits_alone_fills_the_window_in_one_go_and_in_order(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [submitted(store, lane=Lane.BATCH) for _ in range(10)]
    leading = dispatcher(store)
    with counted(monkeypatch) as calls:
        assert leading.run("fake") == SLOTS + HEADROOM
    assert calls.count("lpush") == 1
    found = [json.loads(message)["headers"]["id"] for message in store.redis.lrange(store.keys.messages("fake"), 0, -1)]
    assert found[::-1] == [job.id for job in jobs[: SLOTS + HEADROOM]]


def test_owners_take_turns(store: JobStore) -> None:
    many = [submitted(store, owner="many") for _ in range(10)]
    few = [submitted(store, owner="few") for _ in range(2)]
    dispatcher(store).run("fake")
    assert sent(store) == sorted(job.id for job in (*many[:2], *few))


def test_owners_take_turns_within_a_millisecond_too(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [submitted(store, owner=owner) for owner in ("a", "b", "c") for _ in range(4)]
    monkeypatch.setattr(JobStore, "now", lambda _: 1)
    dispatcher(store).run("fake")
    assert sent(store) == sorted(job.id for job in (jobs[0], jobs[1], jobs[4], jobs[8]))


def test_priority_goes_first_within_an_owner_s_lane_and_not_before_another_s_turn(store: JobStore) -> None:
    many = [submitted(store, owner="many") for _ in range(6)]
    urgent = submitted(store, owner="many", priority=1)
    few = submitted(store, owner="few", priority=-10)
    bulk = submitted(store, owner="few", lane=Lane.BATCH, priority=10)
    dispatcher(store).run("fake")
    assert sent(store) == sorted(job.id for job in (urgent, many[0], many[1], few))
    assert store.redis.zscore(store.keys.waiting("fake", "batch", "few"), bulk.id) is not None


def test_batches_take_turns_within_their_owner_s_share(store: JobStore) -> None:
    for batch in ("one", "two", "three"):
        for _ in range(4):
            submitted(store, owner="many", lane=Lane.BATCH, metadata={"batch_id": batch})
    few = [submitted(store, owner="few", lane=Lane.BATCH, metadata={"batch_id": "few"}) for _ in range(2)]
    dispatcher(store).run("fake")
    found = [record.job for job_id in sent(store) if (record := store.find(job_id))]
    assert len(found) == 4 and {job.id for job in few} <= {job.id for job in found}
    assert len({job.metadata["batch_id"] for job in found}) == 3


def test_a_later_lane_s_turn_comes_when_it_has_waited(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    line, *_ = [submitted(store, lane=Lane.BATCH) for _ in range(2)]
    jobs = [submitted(store) for _ in range(10)]
    now = store.now()
    dispatcher(store).run("fake")
    assert sent(store) == sorted(job.id for job in jobs[:4])
    monkeypatch.setattr(JobStore, "now", lambda _: now + 11_000)
    for job in jobs[:2]:
        store.finish(job.id, events.Cancelled())
    leading = dispatcher(store)
    store.redis.zadd(store.keys.alive("fake"), {"worker-1": now + 60_000})  # its lease goes by Redis' own clock
    leading.run("fake")
    assert line.id in sent(store) and jobs[4].id in sent(store)


def test_an_earlier_lane_goes_first(store: JobStore) -> None:
    bulk = [submitted(store, lane=Lane.BATCH) for _ in range(10)]
    jobs = [submitted(store) for _ in range(3)]
    dispatcher(store).run("fake")
    assert sent(store) == sorted(job.id for job in (*jobs, bulk[0]))


def test_without_a_worker_nothing_is_sent(store: JobStore) -> None:
    submitted(store)
    assert Dispatcher(store, Presence(store), "me").run("fake") == 0


def test_a_lost_message_is_sent_again_and_a_waiting_one_is_not(store: JobStore) -> None:
    lost, waiting = submitted(store, lane=Lane.INTERACTIVE), submitted(store, lane=Lane.INTERACTIVE)
    queue = f"{store.settings.namespace}:{store.keys.queue('fake')}"
    (message,) = [text for text in store.redis.lrange(queue, 0, -1) if lost.id.encode() in text]
    store.redis.lrem(queue, 1, message)
    for job in (lost, waiting):
        store.redis.zadd(store.keys.unclaimed("fake"), {job.id: store.now() - 10_000})
    Reconciler(store, Presence(store)).run(["fake"])
    assert sent(store) == sorted([lost.id, waiting.id])
    assert store.redis.llen(queue) == 2


def test_the_claims_of_a_worker_without_a_lease_are_taken_back(store: JobStore, one: Claims, two: Claims) -> None:
    kept, lost = (submitted(store, lane=Lane.INTERACTIVE) for _ in range(2))
    presence = Presence(store)
    for claims, job in ((one, kept), (two, lost)):
        presence.show(Worker(claims.worker, "fake", 1, SLOTS))
        claim = claims.claim(job.id)
        assert claim is not None
        claims.write(Changes([Begun(claim, 1)]), "0-0")
    presence.expire("fake", "worker-2")
    Reconciler(store, presence).run(["fake"])
    assert store.get(kept.id, "anonymous").status is Status.RUNNING
    assert store.get(lost.id, "anonymous").status is Status.QUEUED


def test_a_deadline_that_passed_ends_the_job(store: JobStore) -> None:
    late = submitted(store, deadline=store.now() - 1)
    Reconciler(store, Presence(store)).run(["fake"])
    assert store.get(late.id, "anonymous").status is Status.EXPIRED


def test_housekeeping_sweeps_a_stretch_a_pass_and_begins_anew_later(store: JobStore) -> None:
    held = submitted(store, text="long " * 20_000)
    for number in range(250):
        os.utime(store.blobs.path(store.blobs.put(b"%d" % number, "text/plain")), (1, 1))
    keeping = Housekeeping(store, sweep_every=0.0)

    def left() -> int:
        return sum(path.is_file() for path in store.blobs.root.rglob("*"))

    counts = []
    for _ in range(5):
        keeping.run()
        counts.append(left())
    assert counts[0] == 251 and 140 < counts[1] < 200 and counts[-1] == 1
    assert store.get(held.id, "anonymous").job == held
    os.utime(store.blobs.path(store.blobs.put(b"late", "text/plain")), (1, 1))
    for _ in range(3):
        keeping.run()
    assert left() == 1


def test_a_sweep_that_finds_nothing_is_over(store: JobStore) -> None:
    keeping = Housekeeping(store)
    keeping.run()
    assert keeping.under_way
    keeping.run()
    assert not keeping.under_way
    keeping.run()
    assert not keeping.under_way


def test_housekeeping_forgets_workers_that_nobody_saw_die(store: JobStore) -> None:
    presence = Presence(store)
    for name in ("worker-1", "worker-2"):
        presence.show(Worker(name, "fake", 1, SLOTS))
    store.redis.zrem(store.keys.alive("fake"), "worker-2")
    Housekeeping(store).run()
    assert store.redis.hkeys(store.keys.workers()) == [b"worker-1"]


def test_a_turn_does_it_all(store: JobStore) -> None:
    job = submitted(store)
    Presence(store).show(Worker("worker-1", "fake", 1, SLOTS))
    coordinator = Coordinator(store, "me", ["fake"])
    coordinator.turn(wait=0.01)
    assert sent(store) == [job.id]
    coordinator.resign()
    assert leader(store, "next").holds()


@contextmanager
def commands(store: JobStore) -> Iterator[Callable[[], int]]:
    """How many commands Redis has been sent since the block began."""
    store.redis.config_resetstat()
    yield lambda: sum(
        told["calls"] for name, told in store.redis.info("commandstats").items() if name not in _OF_THE_COUNT
    )


_OF_THE_COUNT = ("cmdstat_info", "cmdstat_config|resetstat", "cmdstat_config")


def test_at_rest_a_turn_is_a_handful_of_commands_however_many_models(own_valkey: Valkey, tmp_path: Path) -> None:
    store = stores.connect(Settings(redis_url=own_valkey.url(), namespace="test", home=tmp_path))
    coordinator = Coordinator(store, "me", [f"fake-{number}" for number in range(50)])
    # The first ones look at everything, and sweep what nothing holds.
    eventually(lambda: coordinator.turn(wait=0.01) or not coordinator._housekeeping.under_way)
    sent = []
    for _ in range(5):
        with commands(store) as count:
            coordinator.turn(wait=0.01)
            sent.append(count())
    assert sorted(sent)[2] <= 9, sent  # now and then a lease is renewed, or everything looked at
    store.redis.close()


@pytest.mark.parametrize("lane", [Lane.INTERACTIVE, Lane.JOBS])
def test_the_first_job_after_a_rest_wakes_the_leader(store: JobStore, lane: Lane) -> None:
    coordinator = Coordinator(store, "me", ["fake"])
    coordinator.turn(wait=0.01)
    late = submitted(store, lane=lane, deadline=store.now() - 1)
    assert store.redis.llen(store.keys.notify_leader()) == 1
    coordinator._reconciled -= 1  # half a second and more after the last pass, as somebody is to be seen to
    coordinator.turn(wait=0.01)
    assert store.get(late.id, "anonymous").status is Status.EXPIRED


def test_a_model_is_ready_while_a_worker_shows_its_lease(store: JobStore) -> None:
    presence = Presence(store)
    assert presence.model("fake") == ModelState("starting")
    presence.declare("fake", ModelState("broken", "why"))
    assert presence.model("fake") == ModelState("broken", "why")
    worker = Worker("worker-1", "fake", 1, SLOTS)
    presence.declare("fake", ModelState("ready"))
    presence.show(worker)
    assert presence.model("fake").state == "ready" and presence.workers("fake") == (worker,)
    presence.leave(worker)
    assert presence.model("fake").state == "restarting"

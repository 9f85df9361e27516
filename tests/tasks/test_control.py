"""The leader keeps the bulk lanes' window full, fairly, and finds what died."""

from __future__ import annotations

import pytest

from tasks import app, events
from tasks.control import HEADROOM, Control, Dispatcher, Reconciler
from tasks.job import Job, Lane, Status
from tasks.lease import Lease
from tasks.ledger import Begun, Ledger, Turn
from tasks.presence import ModelState, Presence, Worker
from tasks.store import JobStore
from tests.jobs import chat

SLOTS = 2


def submitted(store: JobStore, owner: str = "anonymous", lane: Lane = Lane.JOBS, **fields: object) -> Job:
    job = chat(store, owner=owner, lane=lane, **fields)  # type: ignore[arg-type]
    store.submit(job, room=500)
    return job


def sent(store: JobStore) -> list[str]:
    """Ids in the model's Celery queue."""
    return sorted(app.pending(store.redis, store.settings, store.keys.queue("fake")))


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


def test_the_claims_of_a_worker_without_a_lease_are_taken_back(store: JobStore, one: Ledger, two: Ledger) -> None:
    kept, lost = (submitted(store, lane=Lane.INTERACTIVE) for _ in range(2))
    presence = Presence(store)
    for ledger, job in ((one, kept), (two, lost)):
        presence.show(Worker(ledger.worker, "fake", 1, SLOTS))
        claim = ledger.claim(job.id)
        assert claim is not None
        ledger.write(Turn([Begun(claim, 1)]), "0-0")
    presence.expire("fake", "worker-2")
    Reconciler(store, presence).run(["fake"])
    assert store.get(kept.id, "anonymous").status is Status.RUNNING
    assert store.get(lost.id, "anonymous").status is Status.QUEUED


def test_a_deadline_that_passed_ends_the_job(store: JobStore) -> None:
    late = submitted(store, deadline=store.now() - 1)
    Reconciler(store, Presence(store)).run(["fake"])
    assert store.get(late.id, "anonymous").status is Status.EXPIRED


def test_what_only_a_dead_web_process_wanted_is_cancelled(store: JobStore) -> None:
    wanted, unwanted = (submitted(store, lane=Lane.INTERACTIVE, sync=True) for _ in range(2))
    for client, job in (("dead", unwanted), ("dead", wanted), ("alive", wanted)):
        store.follow(job.id, client)
    Presence(store).show_client("alive")
    store.redis.zadd(store.keys.clients(), {"dead": store.now() - 1})
    Reconciler(store, Presence(store)).run(["fake"])
    assert store.get(unwanted.id, "anonymous").status is Status.CANCELLED
    assert store.get(wanted.id, "anonymous").status is Status.QUEUED
    assert store.redis.zrange(store.keys.clients(), 0, -1) == [b"alive"]


def test_a_turn_does_it_all(store: JobStore) -> None:
    job = submitted(store)
    Presence(store).show(Worker("worker-1", "fake", 1, SLOTS))
    control = Control(store, "me", ["fake"])
    control.turn(wait=0.01)
    assert sent(store) == [job.id]
    control.resign()
    assert leader(store, "next").holds()


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

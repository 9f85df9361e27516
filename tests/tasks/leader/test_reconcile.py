"""Work is taken from who is known to be gone, and one record that cannot be read concerns itself alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest
from structlog.testing import capture_logs

from tasks.leader.coordinator import Coordinator
from tasks.leader.reconcile import SILENCE, Reconciler
from tasks.processes.presence import ModelState, Presence, Worker
from tasks.redis.claims import Begun, Changes, Claims
from tasks.redis.store import JobStore
from tasks.values import events
from tasks.values.errors import UnreadableRecord, WebLost
from tasks.values.job import Job, Lane, Status
from tests.support.jobs import chat
from tests.support.servers import ROOT

SHOW = """
import sys, time
from pathlib import Path
from mlxq.settings import Settings
from tasks.redis import store
from tasks.processes.presence import Presence, Worker
url, namespace, home, kind = sys.argv[1:]
presence = Presence(store.connect(Settings(redis_url=url, namespace=namespace, home=Path(home))))
presence.show_client("other") if kind == "web" else presence.show(Worker("other", "fake", 1, 2))
print("shown", flush=True)
time.sleep(60)
"""


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Leader:
    """A reconciler whose passes are half a second apart."""

    def __init__(self, store: JobStore) -> None:
        self.clock = Clock()
        self.reconciler = Reconciler(store, Presence(store), self.clock)

    def watch(self, seconds: float) -> None:
        for _ in range(int(2 * seconds)):
            self.clock.now += 0.5
            self.reconciler.run(["fake"])


@pytest.fixture
def leader(store: JobStore) -> Leader:
    return Leader(store)


def submitted(store: JobStore, **fields: object) -> Job:
    job = chat(store, **{"lane": Lane.INTERACTIVE, **fields})  # type: ignore[arg-type]
    store.submit(job, room=500)
    return job


def running(store: JobStore, claims: Claims, **fields: object) -> Job:
    job = submitted(store, **fields)
    claim = claims.claim(job.id)
    assert claim is not None
    claims.write(Changes([Begun(claim, 1)]), "0-0")
    return job


def elsewhere(store: JobStore) -> Presence:
    """The presence of another machine, of whose processes nothing is known here."""
    return Presence(replace(store, settings=replace(store.settings, home=store.settings.home / "elsewhere")))


def lapse(store: JobStore, key: str, name: str) -> None:
    """Let a lease run out, as when its holder is stopped, or Redis was away."""
    store.redis.zadd(key, {name: store.now() - 1}, xx=True)


@pytest.fixture(params=["worker", "web"])
def other(request: pytest.FixtureRequest, store: JobStore) -> Iterator[subprocess.Popen[str]]:
    """A process of this home that shows itself once."""
    settings = store.settings
    words = [settings.redis_url, settings.namespace, str(settings.home), request.param]
    process = subprocess.Popen([sys.executable, "-c", SHOW, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "shown\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_process_of_this_home_lives_for_as_long_as_it_is_there(
    store: JobStore, leader: Leader, other: subprocess.Popen[str]
) -> None:
    held = running(store, Claims(store, "fake", "other"))
    followed = submitted(store, sync=True)
    store.follow(followed.id, "other", 1)
    os.kill(other.pid, signal.SIGSTOP)
    for key in (store.keys.alive("fake"), store.keys.clients()):
        lapse(store, key, "other")
    leader.watch(60)
    shown = Presence(store).entered("fake") or Presence(store).clients()
    assert shown.keys() == {"other"}
    if Presence(store).entered("fake"):
        assert store.get(held.id, "anonymous").status is Status.RUNNING
    else:
        assert store.get(followed.id, "anonymous").status is Status.QUEUED


def test_a_process_of_this_home_that_was_killed_is_known_to_be_gone_at_once(
    store: JobStore, leader: Leader, other: subprocess.Popen[str]
) -> None:
    held = running(store, Claims(store, "fake", "other"))
    followed = submitted(store, sync=True)
    store.follow(followed.id, "other", 1)
    worker = bool(Presence(store).entered("fake"))
    other.kill()
    other.wait()
    with capture_logs() as logs:
        leader.reconciler.bury(["fake"])
        leader.reconciler.take_back("fake")
    assert "its process has ended" in {entry.get("evidence") for entry in logs}
    if worker:
        assert store.get(held.id, "anonymous").status is Status.QUEUED
    else:
        failure = store.get(followed.id, "anonymous").failure
        assert failure is not None and failure.code == WebLost.code


def test_a_worker_of_another_machine_is_gone_after_several_leases_of_watched_silence(
    store: JobStore, leader: Leader, one: Claims
) -> None:
    far, worker = elsewhere(store), Worker(one.worker, "fake", 1, 2)
    far.show(worker)
    job, lease = running(store, one), store.settings.worker_lease
    leader.watch(SILENCE * lease - 2)
    far.show(worker)  # it was silent for long, and is back
    leader.watch(SILENCE * lease - 2)
    assert store.get(job.id, "anonymous").status is Status.RUNNING
    leader.watch(4)
    assert store.get(job.id, "anonymous").status is Status.QUEUED


def test_silence_counts_from_when_redis_and_leadership_were_gained(
    store: JobStore, leader: Leader, one: Claims
) -> None:
    elsewhere(store).show(Worker(one.worker, "fake", 1, 2))
    job, lease = running(store, one, deadline=store.now() + 7_200_000), store.settings.worker_lease
    for _ in range(3):
        leader.watch(SILENCE * lease - 2)
        leader.reconciler.forget()
    leader.clock.now += 3600  # the leader itself was stopped
    leader.watch(1)
    assert store.get(job.id, "anonymous").status is Status.RUNNING


def test_the_lapsed_lease_of_a_web_process_ends_nobody_who_waits(store: JobStore, leader: Leader) -> None:
    far, wanted = elsewhere(store), submitted(store, sync=True)
    far.show_client("web-1")
    store.follow(wanted.id, "web-1", 1)
    lapse(store, store.keys.clients(), "web-1")
    leader.watch(10)
    assert store.get(wanted.id, "anonymous").status is Status.QUEUED
    leader.watch(SILENCE * store.settings.worker_lease)
    assert isinstance(store.get(wanted.id, "anonymous").terminal, events.Failed)
    assert not store.redis.exists(store.keys.following("web-1"), store.keys.clients())


def test_what_two_web_processes_want_is_kept_when_one_is_lost(store: JobStore, leader: Leader) -> None:
    wanted, here = submitted(store, sync=True), Presence(store)
    for client in ("gone", "there"):
        store.follow(wanted.id, client, 1)
        here.show_client(client)
    here.processes.leave("gone")
    leader.reconciler.bury([])
    assert store.get(wanted.id, "anonymous").status is Status.QUEUED
    assert here.clients().keys() == {"there"}
    here.processes.leave("there")


def later_version(store: JobStore, job: Job) -> None:
    spec = msgspec.json.decode(store.redis.hget(store.keys.job(job.id), "spec"))
    store.redis.hset(store.keys.job(job.id), "spec", msgspec.json.encode({**spec, "v": 99}))


def test_a_record_of_a_later_version_concerns_itself_alone(store: JobStore, leader: Leader, one: Claims) -> None:
    bad, good = running(store, one), running(store, one)
    late, later = submitted(store, deadline=store.now() - 2), submitted(store, deadline=store.now() - 1)
    for job in (bad, late):
        later_version(store, job)
    for job in (submitted(store), submitted(store)):  # whose messages are lost
        store.redis.zadd(store.keys.unclaimed("fake"), {job.id: 0})
        later_version(store, job)
    store.redis.delete(f"{store.settings.namespace}:{store.keys.queue('fake')}")
    with capture_logs() as logs:
        leader.watch(5)
    assert store.get(good.id, "anonymous").status is Status.QUEUED  # its worker never showed itself
    assert store.get(later.id, "anonymous").status is Status.EXPIRED
    told = [entry["id"] for entry in logs if entry.get("id") == bad.id]
    assert told == [bad.id]
    with pytest.raises(UnreadableRecord):
        store.get(bad.id, "anonymous")
    listed = {record.job.id for record in store.list("anonymous", limit=50).records}
    assert good.id in listed and bad.id not in listed


def test_a_jump_of_redis_clock_moves_the_deadlines_with_it(
    store: JobStore, leader: Leader, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submitted(store, deadline=store.now() + 60_000)
    leader.watch(1)
    clock = JobStore.now
    monkeypatch.setattr(JobStore, "now", lambda self: clock(self) + 3_600_000 + int(1000 * leader.clock.now))
    leader.watch(30)
    assert store.get(job.id, "anonymous").status is Status.QUEUED
    leader.watch(40)
    ended = store.find(job.id, expired=True)
    assert ended is not None and ended.status is Status.EXPIRED


def test_who_is_waited_for_is_ended_by_the_web_process_that_waits(store: JobStore, leader: Leader) -> None:
    job = submitted(store, sync=True, deadline=store.now() - 1)
    store.follow(job.id, "web-1", 1)
    leader.watch(5)
    assert store.get(job.id, "anonymous").status is Status.QUEUED
    store.follow(job.id, "web-1", 0)
    store.redis.zadd(store.keys.deadlines(), {job.id: 0}, xx=True)
    leader.watch(1)
    assert store.get(job.id, "anonymous").status is Status.EXPIRED


def test_a_model_that_left_the_file_gives_its_jobs_back(store: JobStore, one: Claims) -> None:
    presence = Presence(store)
    presence.declare("fake", ModelState("ready"))
    presence.show(Worker(one.worker, "fake", 1, 2))
    job = running(store, one)
    presence.processes.leave(one.worker)  # the stack was stopped, and started again without the model
    coordinator = Coordinator(store, "me", ["other"])
    coordinator.turn(wait=0.01)
    assert store.get(job.id, "anonymous").status is Status.QUEUED


def test_processes_of_one_home_are_seen_to_by_whoever_does_not_lead(store: JobStore, one: Claims) -> None:
    assert Coordinator(store, "leader", ["fake"])._leader.holds()
    presence = Presence(store)
    presence.show(Worker(one.worker, "fake", 1, 2))
    presence.processes.leave(one.worker)
    Coordinator(store, "me", ["fake"]).turn(wait=0.01)
    assert not presence.entered("fake")

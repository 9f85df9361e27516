"""What keeps the queue moving whoever dies: one leader dispatches, reconciles and cleans up."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog

from tasks import app, events
from tasks.batches import Batches
from tasks.files import PREFIX as FILE
from tasks.files import Files
from tasks.job import Lane
from tasks.lease import Lease
from tasks.ledger import release
from tasks.presence import Presence
from tasks.scripts import AWAY
from tasks.store import JobStore

LANES = list(Lane)
HEADROOM = 2  # bulk jobs in a worker's hands beyond its slots, so that the next one is checked before a row is free
_SETTLED = 2000  # milliseconds after which a message that nobody took is looked for
_BATCH = 100  # records a pass of housekeeping
log = structlog.get_logger()


@dataclass
class Dispatcher:
    """Keeps a bounded window of the bulk lanes' jobs in Celery, turn by turn over their owners."""

    store: JobStore
    presence: Presence
    leader: str

    def run(self, model: str) -> int:
        """Send as many waiting jobs as the model's live workers have room for; returns how many."""
        slots = sum(worker.slots + HEADROOM for worker in self.presence.workers(model))
        sent = 0
        while slots and (turns := self.store.redis.zrange(self.store.keys.lanes(model), 0, -1)):
            # Earlier lanes first; within a lane whoever was served longest ago, as the turns are sorted.
            turn = min(turns, key=lambda member: LANES.index(member.split(b":")[0].decode()))
            lane, _, owner = turn.decode().partition(":")
            if not self._send(model, Lane(lane), owner, turn, slots):
                if self.store.redis.zscore(self.store.keys.lanes(model), turn) is not None:
                    return sent  # the window is full, or another leads
                continue
            sent += 1
        return sent

    def _send(self, model: str, lane: Lane, owner: str, turn: bytes, slots: int) -> bool:
        keys = self.store.keys
        job_id = self.store.scripts.run(
            "dispatch",
            [
                keys.waiting(model, lane, owner),
                keys.lanes(model),
                keys.window(model),
                keys.unclaimed(model),
                keys.leader(),
            ],
            [turn, slots, self.store.now(), self.leader],
        )
        if job_id is None:
            return False
        self.store.send(job_id.decode(), model, lane)
        return True


@dataclass
class Reconciler:
    """Finds what a dead process left behind: lost messages, claims, followers, and deadlines that passed."""

    store: JobStore
    presence: Presence

    def run(self, models: Iterable[str]) -> None:
        """One pass over everything."""
        for model in models:
            self.take_back(model)
            self.send_again(model)
        self.expire()
        self.clear_clients()

    def take_back(self, model: str) -> None:
        """End the claims of workers whose lease is over."""
        store = self.store
        claims = store.redis.hgetall(store.keys.claims(model))
        if not claims:
            return
        alive = {worker.id for worker in self.presence.workers(model)}
        for job_id, worker in claims.items():
            if worker.decode() in alive:
                continue
            record = store.find(job_id.decode())
            if record is None:
                store.redis.hdel(store.keys.claims(model), job_id)
                continue
            log.warning("taking a job back from a lost worker", job_id=record.job.id, worker=worker.decode())
            release(store, record.job, worker.decode(), lost=True)

    def send_again(self, model: str) -> None:
        """Send jobs again whose message is nowhere: their sender died, or the worker that had taken it did."""
        store, now = self.store, self.store.now()
        settled = {
            job_id.decode() for job_id in store.redis.zrangebyscore(store.keys.unclaimed(model), 0, now - _SETTLED)
        }
        absent = settled - app.pending(store.redis, store.settings, store.keys.queue(model)) if settled else set()
        for job_id in absent:
            record = store.find(job_id)
            if record is None or record.status.terminal:
                store.redis.zrem(store.keys.unclaimed(model), job_id)
                continue
            log.warning("sending a job again whose message was lost", job_id=job_id)
            store.redis.zadd(store.keys.unclaimed(model), {job_id: now}, xx=True)
            store.send(job_id, model, record.job.lane)

    def expire(self) -> None:
        """End jobs whose deadline has passed."""
        due = self.store.redis.zrangebyscore(self.store.keys.deadlines(), 0, self.store.now(), start=0, num=_BATCH)
        for job_id in due:
            if not self.store.finish(job_id.decode(), events.Expired()):
                self.store.redis.zrem(self.store.keys.deadlines(), job_id)

    def clear_clients(self) -> None:
        """Leave, in the name of web processes that died, the jobs they were waiting for."""
        store = self.store
        for client in store.redis.zrangebyscore(store.keys.clients(), 0, store.now()):
            following = store.redis.hgetall(store.keys.following(client.decode()))
            for job_id, count in following.items():
                store.leave(job_id.decode(), client.decode(), int(count))
            store.redis.delete(store.keys.following(client.decode()))
            store.redis.zrem(store.keys.clients(), client)


@dataclass
class Housekeeping:
    """Deletes what has outlived its time, a bounded amount a pass."""

    store: JobStore
    sweep_every: float = 600.0  # seconds
    _swept: float = field(default_factory=time.monotonic)

    def run(self) -> None:
        """One pass: expired jobs, files and batches, and now and then blobs that nothing holds."""
        store = self.store
        for job_id in store.redis.zrangebyscore(store.keys.expiry(), 0, store.now(), start=0, num=_BATCH):
            record = store.find(job_id.decode(), expired=True)
            if record is None:
                store.redis.delete(store.keys.job(job_id.decode()))
            if record is None or not store.erase(record):
                store.redis.zrem(store.keys.expiry(), job_id)
        for member in store.redis.zrangebyscore(store.keys.outdated(), 0, store.now(), start=0, num=_BATCH):
            outdated = Files(store) if member.decode().startswith(FILE) else Batches(store)
            outdated.expire(member.decode())
            store.redis.zrem(store.keys.outdated(), member)
        if time.monotonic() - self._swept > self.sweep_every:
            self._swept = time.monotonic()
            store.blobs.sweep(store.holds_blob)


class Control:
    """The leader's loop, one turn at a time."""

    def __init__(self, store: JobStore, id: str, models: Iterable[str]) -> None:
        self.store, self.models = store, tuple(models)
        presence = Presence(store)
        self._leader = Lease(store, store.keys.leader(), id)
        self._dispatcher = Dispatcher(store, presence, id)
        self._reconciler = Reconciler(store, presence)
        self._housekeeping = Housekeeping(store)
        self._reconciled = 0.0

    def turn(self, wait: float = 0.25) -> None:
        """Dispatch what waits, and every half second reconcile; sleeps up to `wait` seconds for a nudge."""
        try:
            if not self._leader.holds():
                time.sleep(wait)
                return
            for model in self.models:
                self._dispatcher.run(model)
            if time.monotonic() - self._reconciled > 0.5:
                self._reconciled = time.monotonic()
                self._reconciler.run(self.models)
                self._housekeeping.run()
            self.store.redis.blpop([self.store.keys.wake()], timeout=wait)
        except AWAY as error:
            log.warning("the queue is away; trying again", error=str(error))
            time.sleep(wait)

    def resign(self) -> None:
        """Let another supervisor lead."""
        try:
            self._leader.resign()
        except AWAY as error:
            log.warning("the leader's lease runs out by itself", error=str(error))

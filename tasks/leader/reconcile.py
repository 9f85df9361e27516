"""Finds what a dead process left behind: lost messages, claims, followers, and deadlines that passed.

A lease that ran out proves nothing: its holder may be stopped, its machine may sleep, Redis may have been away. A
process is gone when its supervisor saw it exit, when the lock that it held in this home is free, or, for a process of
another machine, when the leader itself has watched several leases of silence with Redis reachable all the time.
"""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from tasks.processes.alive import Silence
from tasks.processes.loops import Apart
from tasks.processes.presence import Presence
from tasks.redis import celery_messages
from tasks.redis.claims import release
from tasks.redis.store import JobStore
from tasks.values import events
from tasks.values.errors import Failure, WebLost

SILENCE = 7.0  # leases of watched silence after which a process of another machine is taken to be gone
_SETTLED = 2000  # milliseconds after which a message that nobody took is looked for
_LATER = 600_000  # milliseconds until a record that could not be handled is tried again
_AWAITED = 2000  # milliseconds until a job is looked at again whose web process ends it by its own clock
_JUMP = 2000  # milliseconds that Redis' clock may gain or lose between two passes before it is said to have jumped
_MEASURED = 0.5  # seconds that reading the clock may take for the reading to count
_BATCH = 100  # deadlines a pass
ENDED = "its process has ended"
LOST = events.Failed(
    Failure(WebLost.code, "the web process that waited for this answer was lost; ask again", retry_after=1)
)
log = structlog.get_logger()


@dataclass
class Reconciler:
    """One leader's passes; `clock` is in seconds and never jumps."""

    store: JobStore
    presence: Presence
    clock: Callable[[], float] = time.monotonic
    _workers: dict[str, Silence] = field(default_factory=lambda: defaultdict(Silence))
    _clients: Silence = field(default_factory=Silence)
    _apart: Apart = field(default_factory=lambda: Apart("reconcile"))
    _offset: float | None = None  # of Redis' clock to ours, in milliseconds

    def forget(self) -> None:
        """Count all silence anew: Redis was away, or another led."""
        self._workers.clear()
        self._clients.forget()

    def forget_clock(self) -> None:
        """Forget how the clocks stood: no job is unfinished, so what Redis' clock does now concerns none."""
        self._offset = None

    def run(self, models: Iterable[str]) -> None:
        """One pass over everything."""
        for model in models:
            entered = self.presence.entered(model)
            self._bury_workers(model, self._silent(self._workers[model].look(self.clock(), entered)))
            self.take_back(model)
            self.send_again(model)
        self.postpone()
        self.expire()
        self._clear_clients(self._silent(self._clients.look(self.clock(), self.presence.clients())))

    def bury(self, models: Iterable[str]) -> None:
        """See to the processes of this home that have ended; every supervisor does, leader or not."""
        for model in models:
            self._bury_workers(model, self._ended(self.presence.entered(model)))
        self._clear_clients(self._ended(self.presence.clients()))

    def _ended(self, ids: Iterable[str]) -> dict[str, str]:
        return {name: ENDED for name in ids if self.presence.processes.gone(name)}

    def _silent(self, silent: Mapping[str, float]) -> dict[str, str]:
        most = SILENCE * self.store.settings.worker_lease
        return {
            name: f"it has been silent for {seconds:.1f} s"
            for name, seconds in silent.items()
            if seconds > most and not self.presence.processes.lives(name)
        }

    def _bury_workers(self, model: str, gone: Mapping[str, str]) -> None:
        for worker, evidence in gone.items():
            log.warning("a worker is gone", model=model, worker=worker, evidence=evidence)
            self.presence.explain(worker, evidence)  # before its claims are taken back, whose errors say so
            self.presence.expire(model, worker)

    def take_back(self, model: str) -> None:
        """End the claims of workers that are gone."""
        store = self.store
        claims = store.redis.hgetall(store.keys.claims(model))
        if not claims:
            return
        entered = self.presence.entered(model)
        for job_id, worker in claims.items():
            if worker.decode() not in entered:
                self._apart.run(job_id.decode(), self._take, model, job_id.decode(), worker.decode())

    def _take(self, model: str, job_id: str, worker: str) -> None:
        record = self.store.find(job_id)
        if record is None:
            self.store.redis.hdel(self.store.keys.claims(model), job_id)
            return
        log.warning("taking a job back from a worker that is gone", job_id=job_id, worker=worker)
        release(self.store, record.job, worker, lost=True)

    def send_again(self, model: str) -> None:
        """Send jobs again whose message is nowhere: their sender died, or the worker that had taken it did."""
        store, now = self.store, self.store.now()
        unclaimed = store.keys.unclaimed(model)
        settled = {job_id.decode() for job_id in store.redis.zrangebyscore(unclaimed, 0, now - _SETTLED)}
        absent = settled - celery_messages.pending(store.redis, store.keys.messages(model)) if settled else set()
        for job_id in absent:
            if not self._apart.run(job_id, self._send, model, job_id, now):
                store.redis.zadd(unclaimed, {job_id: now + _LATER}, xx=True)

    def _send(self, model: str, job_id: str, now: int) -> None:
        store, unclaimed = self.store, self.store.keys.unclaimed(model)
        record = store.find(job_id)
        if record is None or record.status.terminal:
            store.redis.zrem(unclaimed, job_id)
            return
        log.warning("sending a job again whose message was lost", job_id=job_id)
        store.redis.zadd(unclaimed, {job_id: now}, xx=True)
        store.send(model, job_id)

    def postpone(self) -> None:
        """Let the deadlines move with Redis' clock when it jumps, as when a machine wakes or its time is set."""
        began = self.clock()
        now = self.store.now()
        read = self.clock()
        if read - began > _MEASURED:
            return
        offset, before = now - 1000 * read, self._offset
        self._offset = offset
        if before is None or abs(offset - before) <= _JUMP:
            return
        keys, by = self.store.keys, round(offset - before)
        log.warning("the clock of Redis has jumped; deadlines move with it", seconds=by / 1000)
        self.store.scripts.run("postpone", [keys.deadlines(), keys.reply("postpone")], [by, secrets.token_hex(8)])

    def expire(self) -> None:
        """End jobs whose deadline has passed, but not those that a web process waits for and ends by its own clock."""
        store, deadlines = self.store, self.store.keys.deadlines()
        now = store.now()
        for member in store.redis.zrangebyscore(deadlines, 0, now, start=0, num=_BATCH):
            job_id = member.decode()
            if store.awaited(job_id):
                store.redis.zadd(deadlines, {job_id: now + _AWAITED}, xx=True)
            elif not self._apart.run(job_id, self._expire, job_id):
                store.redis.zadd(deadlines, {job_id: now + _LATER}, xx=True)

    def _expire(self, job_id: str) -> None:
        if not self.store.expire(job_id):
            self.store.redis.zrem(self.store.keys.deadlines(), job_id)

    def _clear_clients(self, gone: Mapping[str, str]) -> None:
        """Leave, in the name of web processes that are gone, the jobs they were waiting for."""
        store = self.store
        for client, evidence in gone.items():
            following = store.redis.hkeys(store.keys.following(client))
            log.warning("a web process is gone", client=client, evidence=evidence, jobs=len(following))
            for job_id in following:
                self._apart.run(job_id.decode(), self._leave, job_id.decode(), client)
            self.presence.leave_client(client)

    def _leave(self, job_id: str, client: str) -> None:
        if self.store.follow(job_id, client, 0) and self.store.abandon(job_id, LOST):
            log.warning("a job ends whose web process is gone", job_id=job_id, client=client)

"""Deletes what has outlived its time: jobs, files, batches, what is stored, unheld blobs, and names of models."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Protocol

import msgspec

from tasks.batches.batches import PREFIX as BATCH
from tasks.batches.batches import Batches
from tasks.processes.alive import processes
from tasks.processes.loops import Apart
from tasks.processes.presence import Worker
from tasks.redis.store import JobStore
from tasks.stored.completions import ChatCompletions
from tasks.stored.conversations import PREFIX as CONVERSATION
from tasks.stored.conversations import Conversations
from tasks.stored.files import PREFIX as FILE
from tasks.stored.files import Files
from tasks.values.chat_completion import PREFIX as COMPLETION
from tasks.values.errors import UnreadableRecord
from tasks.values.job import Lane, Listing

_BATCH = 100  # records a pass
_LATER = 600_000  # milliseconds until a record that could not be handled is tried again


class Outdated(Protocol):
    """Records that go when their time is over."""

    def expire(self, id: str, /) -> int | None:
        """Remove one; or when, in milliseconds since the epoch, to look at it again."""


_KINDS: Mapping[str, Callable[[JobStore], Outdated]] = {
    FILE: Files,
    BATCH: Batches,
    COMPLETION: ChatCompletions,
    CONVERSATION: Conversations,
}


@dataclass
class Housekeeping:
    """A bounded amount a pass."""

    store: JobStore
    sweep_every: float = 600.0  # seconds between the end of a sweep and the next one
    under_way: bool = False  # whether the last pass has left something to the next one
    _sweep: Iterator[bool] = field(default_factory=lambda: iter(()))
    _sweep_at: float = 0.0
    _apart: Apart = field(default_factory=lambda: Apart("housekeeping"))

    def run(self) -> bool:
        """One pass: expired jobs, files and batches, and a stretch of a sweep; True when more has expired."""
        store = self.store
        more = self._each(store.keys.expiry(), self._bury_job) | self._each(store.keys.outdated(), self._outdate)
        swept = sum(1 for _ in islice(self._sweep, _BATCH))
        self.under_way = more or swept > 0
        if swept:
            self._sweep_at = time.monotonic() + self.sweep_every
        elif time.monotonic() >= self._sweep_at:
            self._forget_workers()
            self._forget_models()
            processes(store.settings.home.resolve()).sweep()
            blobs = store.blobs.sweep(lambda sha256: bool(store.redis.exists(store.keys.blob(sha256))))
            self._sweep = chain(self._enlist(), blobs)
            self._sweep_at, self.under_way = time.monotonic() + self.sweep_every, True
        return more

    def _each(self, key: str, call: Callable[[str], None]) -> bool:
        """Handle the members of a sorted set whose time has come; True when there are more of them."""
        redis, now = self.store.redis, self.store.now()
        members = [member.decode() for member in redis.zrangebyscore(key, 0, now, start=0, num=_BATCH)]
        for member in members:
            if not self._apart.run(member, call, member):
                redis.zadd(key, {member: now + _LATER}, xx=True)
        return len(members) == _BATCH

    def _bury_job(self, job_id: str) -> None:
        store = self.store
        try:
            record = store.find(job_id, expired=True)
        except UnreadableRecord:
            record = None
        if record is None:
            self._bury(job_id)
        elif not store.erase(record):
            store.redis.zrem(store.keys.expiry(), job_id)

    def _outdate(self, member: str) -> None:
        kind = next(kind for prefix, kind in _KINDS.items() if member.startswith(prefix))
        again = kind(self.store).expire(member)
        if again is None:
            self.store.redis.zrem(self.store.keys.outdated(), member)
        else:
            self.store.redis.zadd(self.store.keys.outdated(), {member: again})

    def _bury(self, job_id: str) -> None:
        """Remove what is left of a job whose request cannot be read any more."""
        keys = self.store.keys
        owner = (self.store.redis.hget(keys.job(job_id), "owner") or b"").decode()
        with self.store.redis.pipeline() as pipe:
            for listing in Listing:
                pipe.zrem(keys.index(owner, listing), job_id)
                pipe.zrem(keys.everybody(listing), job_id)
            pipe.delete(keys.job(job_id), keys.events(job_id))
            pipe.zrem(keys.expiry(), job_id)
            pipe.execute()

    def _enlist(self) -> Iterator[bool]:
        """Put jobs of an earlier version, which knew no such lists, into those of all owners together."""
        redis, keys = self.store.redis, self.store.keys
        kept = (keys.deadlines(), keys.expiry())
        if sum(redis.zcard(keys.everybody(listing)) for listing in Listing) >= sum(map(redis.zcard, kept)):
            return
        for key in kept:
            for member in redis.zrange(key, 0, -1):
                yield self._enlisted(member.decode())

    def _enlisted(self, job_id: str) -> bool:
        (record,) = self.store.read([job_id])
        if record is None:
            return False
        keys, job = self.store.keys, record.job
        self.store.scripts.run("index_record", [keys.job(job_id), keys.everybody(job.listing)], [job_id, job.created])
        return True

    def _forget_workers(self) -> None:
        """Remove what workers said of themselves that have no lease any more."""
        redis, keys = self.store.redis, self.store.keys
        for worker_id, shown in redis.hgetall(keys.workers()).items():
            if redis.zscore(keys.alive(msgspec.json.decode(shown, type=Worker).model), worker_id) is None:
                redis.hdel(keys.workers(), worker_id)

    def _forget_models(self) -> None:
        """Remove the names of models that no supervisor serves and of which no job is left."""
        redis, keys, now = self.store.redis, self.store.keys, self.store.now()
        for member in redis.smembers(keys.models()):
            name = member.decode()
            until = redis.zscore(keys.served(), name)
            left = redis.exists(keys.claims(name), *(keys.queued(name, lane) for lane in Lane))
            if not left and (until is None or until < now):
                redis.srem(keys.models(), name)
                redis.zrem(keys.served(), name)
                redis.delete(keys.state(name))

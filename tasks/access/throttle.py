"""What keys with limits may do at the same time and within a minute: counted in Redis, for all web processes as one.

Of libraries, `limits` has a moving window too; but its clock is each caller's own, and a try that is repeated because
the reply was lost counts twice. So this is one script, with Redis' clock and a token a request.
"""

from __future__ import annotations

import math
import threading
import uuid
from collections import defaultdict
from typing import NamedTuple

import structlog

from tasks.access.api_keys import Limits
from tasks.processes.loops import Loop
from tasks.redis.scripts import AWAY, Call, answers
from tasks.redis.store import JobStore
from tasks.values.errors import JobError, RateLimited, TooManyAtOnce

LEASE = 15_000  # milliseconds after which the requests of a web process that is gone do not count any more
_RENEW = LEASE / 3000  # seconds
log = structlog.get_logger()


class Allowance(NamedTuple):
    """Requests a minute: how many, how many are left, and milliseconds until all are."""

    limit: int
    remaining: int
    reset: int


class Admission(NamedTuple):
    """Whether a request may begin: `refusal` says why not. Who was let in releases `token` at its end."""

    token: str
    allowance: Allowance | None
    refusal: JobError | None


class Throttle:
    """The requests of one web process that count; those under way are shown to Redis as long as the process lives."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._held: dict[str, str] = {}  # token → key's id
        self._lock = threading.Lock()
        self._renewal: Loop | None = None

    def admit(self, key_id: str, limits: Limits) -> Admission:
        """Count a request of a key, or refuse it; raises QueueUnavailable."""
        keys, token = self._store.keys, uuid.uuid4().hex
        most, often = limits.concurrent_requests, limits.requests_per_minute
        with answers():
            verdict, used, frees, clears = self._store.scripts.run(
                "admit",
                [keys.under_way(key_id), keys.minute(key_id)],
                [token, LEASE, "" if most is None else most, "" if often is None else often],
            )
        allowance = None if often is None else Allowance(often, max(0, often - used), clears)
        if verdict == b"busy":
            message = f"{most} requests of this key are under way, as many as it may have; try again when one has ended"
            return Admission(token, allowance, TooManyAtOnce(message, retry_after=1))
        if verdict == b"often":
            wait = max(1, math.ceil(frees / 1000))
            message = f"this key may make {often} requests a minute; try again in {wait} s"
            return Admission(token, allowance, RateLimited(message, retry_after=wait))
        if most is not None:
            self._hold(token, key_id)
        return Admission(token, allowance, None)

    def release(self, token: str) -> None:
        """A request has ended; without Redis its lease runs out by itself."""
        with self._lock:
            key_id = self._held.pop(token, None)
        if key_id is None:
            return
        try:
            self._store.redis.zrem(self._store.keys.under_way(key_id), token)
        except AWAY as error:
            log.warning("a request counts until its lease runs out", error=str(error))

    def stop(self) -> None:
        """Show nothing any more; what is under way counts until its lease runs out."""
        if self._renewal is not None:
            self._renewal.stop(_RENEW)

    def _hold(self, token: str, key_id: str) -> None:
        with self._lock:
            self._held[token] = key_id
            if self._renewal is None:
                self._renewal = Loop("limits", self.renew, _RENEW).start()

    def renew(self) -> None:
        """Show every request that is under way."""
        keys, tokens = self._store.keys, defaultdict(list)
        with self._lock:  # what ends meanwhile waits, so that it is not shown once more after its end
            for token, key_id in self._held.items():
                tokens[key_id].append(token)
            calls = [
                Call("renew_requests", [keys.under_way(key_id)], [LEASE, *some]) for key_id, some in tokens.items()
            ]
            if calls:
                self._store.scripts.batch(calls)

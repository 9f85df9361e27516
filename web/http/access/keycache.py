"""Stored API keys as this process knows them: asked of Redis once in two seconds, kept while it is away."""

from __future__ import annotations

import time
from dataclasses import dataclass

import structlog

from tasks.access import api_keys
from tasks.access.api_keys import ApiKey, KeyRing
from tasks.values.errors import QueueUnavailable
from web.http.errors import Unauthenticated

FRESH = 2.0  # seconds that an answer holds, so a revoked key opens nothing for longer
STALE = 300.0  # seconds that a key which was good goes on being so while Redis is away
_GONE = {"revoked": "this API key was revoked", "expired": "this API key has expired"}
log = structlog.get_logger()


@dataclass(frozen=True)
class _Seen:
    key: ApiKey
    asked: float  # monotonic seconds
    confirmed: float


class KeyCache:
    """The keys that were good when Redis was last asked; what is not a good key is never remembered."""

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring
        self._seen: dict[str, _Seen] = {}  # digest → key
        self._any, self._looked = False, float("-inf")

    def find(self, secret: str) -> ApiKey:
        """The key of a secret; Unauthenticated says why there is none, QueueUnavailable that nobody knows."""
        known, now = api_keys.digest(secret), time.monotonic()
        seen = self._seen.get(known)
        if seen is not None and now - seen.asked < FRESH:
            return seen.key
        try:
            key = self.ring.use(secret)
        except QueueUnavailable:
            if seen is None or now - seen.confirmed >= STALE:
                raise
            log.warning("the queue is away; a key goes on being good", key=seen.key.id)
            self._seen[known] = _Seen(seen.key, now, seen.confirmed)
            return seen.key
        if key is None or key[1] != "active":
            self._seen.pop(known, None)
            raise Unauthenticated("this API key is not known here" if key is None else _GONE[key[1]])
        self._seen[known] = _Seen(key[0], now, now)
        return key[0]

    def any(self) -> bool:
        """Whether keys were ever stored; what was true stays so. QueueUnavailable while nobody knows."""
        now = time.monotonic()
        if not self._any and now - self._looked >= FRESH:
            try:
                self._any = self.ring.any()
            except QueueUnavailable:
                if self._looked == float("-inf"):
                    raise
            self._looked = now
        return self._any

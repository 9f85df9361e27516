"""A lease in Redis: what at most one process does at a time, and another takes over when that one is gone."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.store import JobStore

LENGTH = 5000  # milliseconds a holder may be silent
_RENEW = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0
"""


@dataclass
class Lease:
    """The lease under a key, for the process of this id."""

    store: JobStore
    key: str
    id: str

    def holds(self) -> bool:
        """Take or renew the lease; False while another holds it."""
        return bool(self.store.redis.eval(_RENEW, 1, self.key, self.id, LENGTH))

    def resign(self) -> None:
        """Give the lease up so that another can have it at once."""
        if self.store.redis.get(self.key) == self.id.encode():
            self.store.redis.delete(self.key)

"""A lease in Redis: what at most one process does at a time, and another takes over when that one is gone.

redis-py's own lock does not fit: its token is made anew with every try, so a reply that is lost costs the lease until
it runs out; and the scripts that only the holder may run compare the lease with an id that stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from tasks.redis.scripts import Call
from tasks.redis.store import JobStore

LENGTH = 5000  # milliseconds a holder may be silent
RENEWED = 2 / 3  # of it between renewals, besides what else its holder has to ask: a wait may end half a second late


@dataclass(frozen=True)
class Lease:
    """The lease under a key, for the process of this id."""

    store: JobStore
    key: str
    id: str

    def holds(self) -> bool:
        """Take or renew the lease; False while another holds it."""
        return bool(self.store.scripts.run(*self.renewal))

    @property
    def renewal(self) -> Call:
        """What takes or renews the lease: the call answers 1, or 0 while another holds it."""
        return Call("take_exclusive_lease", [self.key], [self.id, LENGTH])

    def resign(self) -> None:
        """Give the lease up so that another can have it at once."""
        self.store.scripts.run("drop_exclusive_lease", [self.key], [self.id])

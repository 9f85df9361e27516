"""CPU time of a stack's processes by their part in it."""

from __future__ import annotations

import time

import psutil

from tests.support.servers import Stack, Valkey

ROLES = ("web", "batches", "workers", "redis", "client")


class Spent:
    """CPU seconds by role, of this process (the client) and those of a stack."""

    def __init__(self, stack: Stack, valkey: Valkey) -> None:
        roots = (stack.web.pid, stack.runner.pid, stack.supervisor.pid, valkey.pid)
        self._families = [
            (role, [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)])
            for role, pid in zip(ROLES, roots, strict=False)
        ]

    def now(self) -> dict[str, float]:
        """So far."""
        found = {role: sum(sum(one.cpu_times()[:2]) for one in family) for role, family in self._families}
        return {**found, "client": time.process_time()}

    def since(self, before: dict[str, float], each: int) -> str:
        """Milliseconds by role since then, for each of so many."""
        now = self.now()
        return ", ".join(f"{role} {1000 * (now[role] - before[role]) / max(1, each):.3f}" for role in ROLES)

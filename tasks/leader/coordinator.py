"""What keeps the queue moving whichever process dies: one leader dispatches, reconciles and cleans up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable

import structlog

from tasks.leader.dispatch import Dispatcher
from tasks.leader.housekeeping import Housekeeping
from tasks.leader.reconcile import Reconciler
from tasks.leader.storage import StorageWatch
from tasks.processes.loops import Apart, rest
from tasks.processes.presence import Presence
from tasks.redis.exclusive_lease import LENGTH, RENEWED, Lease
from tasks.redis.scripts import AWAY
from tasks.redis.store import JobStore

_EVERY = 0.5  # seconds between passes of the reconciler while any job is unfinished
_REST_EVERY = 30.0  # seconds between passes while none is
_SHORTEST = 0.01  # seconds; none at all would be for ever
_LOOK = 0.2  # seconds between calls of `look` at least
log = structlog.get_logger()


class Coordinator:
    """A supervisor's part in it, one turn at a time; `models` are those that it serves.

    `look` is called now and then, and at once when a job comes after a rest: somebody may want a model.
    """

    def __init__(
        self, store: JobStore, id: str, models: Iterable[str], look: Callable[[], None] = lambda: None
    ) -> None:
        self.store, self.models = store, tuple(models)
        self._look, self._looked = look, float("-inf")
        self._presence, self._lease = Presence(store), store.settings.worker_lease
        self._leader = Lease(store, store.keys.leader(), id)
        self._dispatcher = Dispatcher(store, self._presence, id)
        self._reconciler = Reconciler(store, self._presence)
        self._housekeeping = Housekeeping(store)
        self._storage = StorageWatch(store)
        self._apart = Apart("coordinator")
        self._reconciled = self._shown = float("-inf")
        self._known: frozenset[str] = frozenset(self.models)

    def turn(self, wait: float = math.inf) -> None:
        """Dispatch what waits, and now and then reconcile; then sleeps for a nudge, `wait` seconds at most.

        Raises what `AWAY` names, after which all silence is counted anew.
        """
        try:
            self._turn(wait)
        except AWAY:
            self._reconciler.forget()
            raise

    def _turn(self, wait: float) -> None:
        now = time.monotonic()
        calls = [self._leader.renewal, self.store.counting]
        if now - self._shown > self._lease / 3:
            calls.append(self._presence.serving(self.models))
        leads, busy, *_ = map(bool, self.store.scripts.batch(calls))
        if len(calls) > 2:
            self._shown = now
        if now - self._looked > _LOOK:
            self._looked = now
            self._look()
        if not busy:
            self._reconciler.forget_clock()
        interval = _EVERY if busy or self._housekeeping.under_way else _REST_EVERY
        due = now - self._reconciled >= interval
        if due:
            self._reconciled = now
            # A model that was taken out of the file has left jobs behind, which are seen to all the same.
            self._known = self._presence.models().union(self.models)
            self._apart.run("bury", self._reconciler.bury, self._known)
        if not leads:
            self._reconciler.forget()
            time.sleep(min(wait, _EVERY))
            return
        for model in self._known if busy else ():
            self._apart.run(f"dispatch {model}", self._dispatcher.run, model)
        if due:
            self._apart.run("reconcile", self._reconciler.run, self._known)
            self._apart.run("keep house", self._keep_house)
        left = min(
            wait, self._reconciled + interval - time.monotonic(), rest(RENEWED * min(LENGTH / 1000, self._lease))
        )
        self.store.redis.blpop([self.store.keys.notify_leader()], timeout=max(_SHORTEST, left))

    def _keep_house(self) -> None:
        short = self._storage.watch()
        while self._housekeeping.run() and short:  # what has expired goes first, before anybody is refused
            pass

    def resign(self) -> None:
        """Let another supervisor lead."""
        try:
            self._leader.resign()
        except AWAY as error:
            log.warning("the leader's lease runs out by itself", error=str(error))

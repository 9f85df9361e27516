"""Who is there: workers and web processes show a lease, the supervisor says what a model without workers is doing.

An expired lease only makes its holder suspect: it gets no new work, but keeps its claims. When it is known to be gone,
its entry and its claims are removed (`tasks.leader.reconcile.Reconciler`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec
import structlog
from redis.exceptions import RedisError

from tasks.processes.alive import Processes, processes
from tasks.redis.scripts import Call, answers
from tasks.redis.store import JobStore
from tasks.values.model import Details, Vitals

_DAY = 86_400_000  # milliseconds
log = structlog.get_logger()
LoadState: TypeAlias = Literal["starting", "loading", "ready", "restarting", "broken", "unloading", "unloaded"]
Wish: TypeAlias = Literal["load", "unload"]


class ModelState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model is doing, and why where that helps; `progress` of its loading is in percent."""

    state: LoadState
    reason: str | None = None
    progress: int | None = None


class Worker(msgspec.Struct, frozen=True, omit_defaults=True):
    """A worker as it introduces itself; `details` is what its engine says of its model, `vitals` how it does.

    `taken` counts the jobs that it has begun, `taken_by_people` those of them that somebody waited for, of which
    `people` are not over. `held` are the bytes that its model and its caches take, `loaded` those after loading. One
    that is `leaving` takes no more jobs.
    """

    id: str
    model: str
    pid: int
    slots: int
    details: Details = Details()
    vitals: Vitals = Vitals()
    taken: int = 0
    taken_by_people: int = 0
    people: int = 0
    held: int = 0
    loaded: int = 0
    leaving: bool = False


@dataclass(frozen=True)
class Presence:
    """Leases of processes and states of models."""

    store: JobStore

    @property
    def processes(self) -> Processes:
        """The locks that tell whether a process of this home is gone."""
        return processes(self.store.settings.home.resolve())

    @property
    def _lease(self) -> int:
        return int(self.store.settings.worker_lease * 1000)

    def show(self, worker: Worker) -> None:
        """Renew a worker's lease."""
        keys = self.store.keys
        self.processes.enter(worker.id)
        data = msgspec.json.encode(worker)
        with answers():
            self.store.scripts.run(
                "renew_process_leases", [keys.alive(worker.model), keys.workers()], [self._lease, data, worker.id]
            )

    def leave(self, worker: Worker) -> None:
        """End this process' lease as a worker, so that its claims are taken back at once."""
        self.expire(worker.model, worker.id)
        self.processes.leave(worker.id)

    def expire(self, model: str, worker_id: str) -> None:
        """End the lease of a worker that is known to be gone."""
        with answers(), self.store.redis.pipeline() as pipe:
            pipe.zrem(self.store.keys.alive(model), worker_id)
            pipe.hdel(self.store.keys.workers(), worker_id)
            pipe.execute()

    def explain(self, worker_id: str, why: str) -> str:
        """Leave word of why a worker ends, for the errors of its jobs, and return it; the first word stands.

        A queue that does not take it makes nothing fail.
        """
        key = self.store.keys.reason(worker_id)
        try:
            earlier = self.store.redis.set(key, why, nx=True, get=True, px=_DAY)
        except RedisError as error:
            log.warning("why a worker ended could not be told", worker=worker_id, reason=why, error=str(error))
            return why
        return earlier.decode() if earlier else why

    def workers(self, model: str) -> tuple[Worker, ...]:
        """The workers of a model that can be counted on."""
        store = self.store
        with answers():
            ids = store.redis.zrangebyscore(store.keys.alive(model), store.now(), "+inf")
            values = store.redis.hmget(store.keys.workers(), ids) if ids else []
        known = (msgspec.json.decode(value, type=Worker) for value in values if value)
        return tuple(worker for worker in known if not worker.leaving)

    def entered(self, model: str) -> dict[str, float]:
        """The workers of a model that are not known to be gone, with the end of their leases."""
        return self._entries(self.store.keys.alive(model))

    def clients(self) -> dict[str, float]:
        """The web processes that are not known to be gone, with the end of their leases."""
        return self._entries(self.store.keys.clients())

    def _entries(self, key: str) -> dict[str, float]:
        with answers():
            entries = self.store.redis.zrange(key, 0, -1, withscores=True)
        return {member.decode(): until for member, until in entries}

    def declare(self, model: str, state: ModelState) -> None:
        """Say what a model without a live worker is doing."""
        keys = self.store.keys
        with answers():
            self.store.scripts.run(
                "set_model_state", [keys.state(model), keys.models()], [model, msgspec.json.encode(state)]
            )

    def model(self, name: str) -> ModelState:
        """Ready while a worker shows its lease, else what was declared last."""
        if self.workers(name):
            return ModelState("ready")
        with answers():
            declared = self.store.redis.get(self.store.keys.state(name))
        state = msgspec.json.decode(declared, type=ModelState) if declared else ModelState("starting")
        # The lease ran out before anybody noticed why.
        return ModelState("restarting", "its worker stopped answering") if state.state == "ready" else state

    def ask(self, model: str, wish: Wish) -> None:
        """Ask every supervisor that serves a model to load it, or to let it go."""
        store = self.store
        with answers(), store.redis.pipeline() as pipe:
            pipe.hset(store.keys.wishes(), model, f"{wish} {store.clock()}")
            pipe.lpush(store.keys.notify_leader(), 1)
            pipe.ltrim(store.keys.notify_leader(), 0, 0)
            pipe.execute()

    def wishes(self, since: int) -> dict[str, tuple[Wish, int]]:
        """What was asked of models later than `since`, in microseconds since the epoch, each with its time."""
        with answers():
            entries = self.store.redis.hgetall(self.store.keys.wishes())
        wishes: dict[str, tuple[Wish, int]] = {}
        for model, entry in entries.items():
            wish, _, when = entry.decode().partition(" ")
            if int(when) > since:
                wishes[model.decode()] = ("load" if wish == "load" else "unload", int(when))
        return wishes

    def reloaded(self) -> None:
        """Tell every process that the models' file was read anew."""
        with answers():
            self.store.redis.incr(self.store.keys.catalogue())

    def reloads(self) -> int:
        """How often the models' file was read anew."""
        with answers():
            return int(self.store.redis.get(self.store.keys.catalogue()) or 0)

    def serve(self, models: Iterable[str]) -> None:
        """Show that a supervisor serves these models."""
        with answers():
            self.store.scripts.run(*self.serving(models))

    def serving(self, models: Iterable[str]) -> Call:
        """What shows that a supervisor serves these models."""
        return Call("renew_process_leases", [self.store.keys.served()], [self._lease, "", *models])

    def models(self) -> frozenset[str]:
        """The models that are served, or were and have left something behind."""
        with answers():
            return frozenset(name.decode() for name in self.store.redis.smembers(self.store.keys.models()))

    def unserved(self) -> frozenset[str]:
        """The models that have left something behind and that no supervisor serves now."""
        keys, late = self.store.keys, self.store.now() - self._lease
        with answers():
            served = self.store.redis.zrangebyscore(keys.served(), late, "+inf")
        return self.models() - {name.decode() for name in served}

    def show_client(self, client: str) -> None:
        """Renew a web process' lease."""
        self.processes.enter(client)
        with answers():
            self.store.scripts.run("renew_process_leases", [self.store.keys.clients()], [self._lease, "", client])

    def leave_client(self, client: str) -> None:
        """End the lease of a web process that is known to be gone, and forget whom it had followed."""
        with answers(), self.store.redis.pipeline() as pipe:
            pipe.delete(self.store.keys.following(client))
            pipe.zrem(self.store.keys.clients(), client)
            pipe.execute()

"""Who is there: workers and web processes show a lease, the supervisor says what a model without workers is doing."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import msgspec
import structlog

from tasks.scripts import AWAY, answers
from tasks.store import JobStore

State: TypeAlias = Literal["starting", "ready", "restarting", "broken", "unloaded"]
_DAY = 86_400_000  # milliseconds
log = structlog.get_logger()


class ModelState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model is doing, and why where that helps."""

    state: State
    reason: str | None = None


class Worker(msgspec.Struct, frozen=True, omit_defaults=True):
    """A worker process as it introduces itself; `details` is what its engine says of the model it loaded."""

    id: str
    model: str
    pid: int
    slots: int
    details: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Presence:
    """Leases of processes and states of models."""

    store: JobStore

    def show(self, worker: Worker) -> None:
        """Renew a worker's lease."""
        store, now = self.store, self.store.now()
        with store.redis.pipeline() as pipe:
            pipe.zadd(store.keys.alive(worker.model), {worker.id: now + int(store.settings.worker_lease * 1000)})
            pipe.zremrangebyscore(store.keys.alive(worker.model), 0, now - _DAY)
            pipe.hset(store.keys.workers(), worker.id, msgspec.json.encode(worker))
            pipe.execute()

    def leave(self, worker: Worker) -> None:
        """End a worker's lease, so that its claims are taken back at once."""
        self.expire(worker.model, worker.id)

    def expire(self, model: str, worker_id: str) -> None:
        """End the lease of a worker that is known to be dead."""
        with self.store.redis.pipeline() as pipe:
            pipe.zrem(self.store.keys.alive(model), worker_id)
            pipe.hdel(self.store.keys.workers(), worker_id)
            pipe.execute()

    def workers(self, model: str) -> tuple[Worker, ...]:
        """The live workers of a model."""
        store = self.store
        with answers():
            ids = store.redis.zrangebyscore(store.keys.alive(model), store.now(), "+inf")
            found = store.redis.hmget(store.keys.workers(), ids) if ids else []
        return tuple(msgspec.json.decode(value, type=Worker) for value in found if value)

    def declare(self, model: str, state: ModelState) -> None:
        """Say what a model without a live worker is doing."""
        self.store.redis.set(self.store.keys.state(model), msgspec.json.encode(state))

    def model(self, name: str) -> ModelState:
        """Ready while a worker shows its lease, else what was declared last."""
        if self.workers(name):
            return ModelState("ready")
        with answers():
            declared = self.store.redis.get(self.store.keys.state(name))
        state = msgspec.json.decode(declared, type=ModelState) if declared else ModelState("starting")
        # The lease ran out before anybody noticed why.
        return ModelState("restarting", "its worker stopped answering") if state.state == "ready" else state

    def show_client(self, client: str) -> None:
        """Renew a web process' lease."""
        store = self.store
        until = store.now() + int(store.settings.worker_lease * 1000)
        store.redis.zadd(store.keys.clients(), {client: until})


class Heartbeat:
    """Calls `beat` every `every` seconds from a thread of its own, through Redis' absences, until it is stopped."""

    def __init__(self, beat: Callable[[], None], every: float) -> None:
        self._beat, self._every = beat, every
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                self._beat()
            except AWAY as error:
                log.warning("heartbeat missed", pid=os.getpid(), error=str(error))
            if self._stopped.wait(self._every):
                return

    def stop(self) -> None:
        """End the beats; returns when the last one is through."""
        self._stopped.set()
        self._thread.join()

"""The processes of this machine's models, one each, and which of the models are in memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import structlog

from mlxq.catalogue import Catalogue
from mlxq.entries.model_entry import GIB, ModelEntry
from mlxq.settings import Settings
from tasks import demand
from tasks.demand import Demand
from tasks.processes.presence import ModelState, Presence
from tasks.redis.scripts import AWAY
from tasks.values.errors import Failure, ModelUnavailable
from workers.process import Begun
from workers.supervision import memory_estimate as need
from workers.supervision import placement
from workers.supervision.child import Child
from workers.supervision.memory_estimate import Need
from workers.supervision.placement import Model

_SHORTEST = 0.01  # seconds between turns of a child
_RETRY = 0.1  # seconds until the next one when the queue is away
_REST = 4.0  # seconds between looks at what is wanted where nothing calls for one, as the leader's turns do
_EVERY = 0.2  # seconds between two of them at least
_RETRY_AFTER = 30  # seconds, what a client is told whose model could not be loaded
log = structlog.get_logger()


@dataclass
class _Use:
    """How a model has been used as far as this supervisor saw; times in monotonic seconds."""

    estimate: Need
    measured: int = 0  # bytes, most of what its worker held last
    loaded: int = 0  # bytes that its worker held after loading
    used: float = 0.0
    used_by_people: float = -math.inf
    wanted_since: float | None = None
    taken: int = 0
    taken_by_people: int = 0

    @property
    def need(self) -> int:
        """Bytes that it is taken to need: what was measured goes before what its files tell."""
        return max((self.loaded or self.estimate.weights) + self.estimate.caches, self.measured)

    def see(self, wanted: Demand, now: float) -> None:
        worker = wanted.worker
        taken, by_people = (worker.taken, worker.taken_by_people) if worker else (0, 0)
        if wanted.people or wanted.others or wanted.claimed or taken > self.taken:
            self.used = now
        if wanted.people or (worker and worker.people) or by_people > self.taken_by_people:
            self.used_by_people = now
        self.taken, self.taken_by_people = taken, by_people
        if worker is not None:
            self.loaded, self.measured = worker.loaded, worker.held


class Changes(NamedTuple):
    """The names of models that a new catalogue has, has otherwise, and has no longer."""

    added: list[str]
    changed: list[str]
    removed: list[str]


class ModelProcesses:
    """Starts, watches and lets go the processes of a catalogue's models; `look` is called when one has ended.

    `begun` are processes that wait to be told to load, by the names of their models.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        settings: Settings,
        presence: Presence,
        look: Callable[[], None],
        begun: Mapping[str, Begun],
    ) -> None:
        self._settings, self._presence, self._look = settings, presence, look
        self._server = catalogue.server
        self._children: dict[str, Child] = {}
        self._leaving: list[Child] = []  # of models that were taken out of the catalogue
        self._uses: dict[str, _Use] = {}
        self._asked: set[str] = set()  # to be loaded, by an administrator
        self._released: set[str] = set()  # models that stay, let go by an administrator until they are wanted
        self._unfit: frozenset[str] = frozenset()
        self._wishes_until: int | None = None
        self._settled = -math.inf
        for entry in catalogue:
            self._add(entry, begun.get(entry.name))

    @cached_property
    def _budget(self) -> int:
        budget = need.budget(self._settings)
        log.info("memory for models that are loaded on demand", budget=budget)
        return budget

    def turn(self) -> float:
        """Give every model its turn; returns seconds until the next one."""
        rest = self._settle_again()
        for child in self._leaving[:]:
            rest = min(rest, self._see_to(child))
            if child.phase == "unloaded":
                self._leaving.remove(child)
        return min([rest, *map(self._see_to, self._children.values())])

    def reload(self, catalogue: Catalogue, settings: Settings) -> Changes:
        """Serve another catalogue: what is the same in it goes on, and what is not ends what it holds."""
        before = set(self._children)
        self._settings, self._server = settings, catalogue.server
        self.__dict__.pop("_budget", None)
        for name in before - set(catalogue.models):
            self._children[name].unload()
            self._leaving.append(self._children.pop(name))
            del self._uses[name]
        changed = {name for name in before & set(catalogue.models) if self._children[name].entry != catalogue.get(name)}
        for name in changed:
            self._children[name].change(catalogue.get(name), self._server)
            self._uses[name] = self._use(catalogue.get(name))
        for entry in catalogue:
            if entry.name not in before:
                self._add(entry)
        kept, now = set(self._children), set(catalogue.models)
        self._asked &= kept
        self._released &= kept
        return Changes(sorted(now - before), sorted(changed), sorted(before - now))

    def forget(self) -> None:
        """Count all silence anew: Redis was away."""
        for child in self._children.values():
            child.forget()

    def stop(self) -> None:
        """Ask all processes to hand their work back and end."""
        for child in (*self._children.values(), *self._leaving):
            child.stop()

    def wait(self, until: float) -> None:
        """Wait for all processes until then (monotonic seconds), and no longer."""
        for child in (*self._children.values(), *self._leaving):
            child.wait(until)

    def _add(self, entry: ModelEntry, begun: Begun | None = None) -> None:
        again = next((child for child in self._leaving if child.entry.name == entry.name), None)
        if again is None:
            patience = self._settings.stall
            self._children[entry.name] = Child(entry, self._server, self._presence, patience, self._look, begun)
        else:  # it was taken out a moment ago
            self._leaving.remove(again)
            again.change(entry, self._server)
            self._children[entry.name] = again
        self._uses[entry.name] = self._use(entry)

    def _use(self, entry: ModelEntry) -> _Use:
        return _Use(need.estimate(entry, self._settings.cache))

    def _see_to(self, child: Child) -> float:
        """Give a child its turn, whatever comes of it; returns seconds until its next one."""
        try:
            return max(_SHORTEST, child.turn())
        except AWAY:
            child.forget()
        except Exception:
            log.exception("a model's process could not be seen to", model=child.entry.name)
        return _RETRY

    def _settle_again(self) -> float:
        now = time.monotonic()
        if now - self._settled < _EVERY:
            return self._settled + _EVERY - now
        self._settled = now
        try:
            return self._settle(now)
        except AWAY:
            return _RETRY
        except Exception:
            log.exception("what is wanted of the models could not be seen to")
            return _REST

    def _settle(self, now: float) -> float:
        """Load what is wanted and let go what is not; returns seconds until the next look."""
        self._hear()
        if all(self._resident(child) and child.phase == "ready" for child in self._children.values()):
            return _REST
        demands = demand.read(self._presence.store, {name: child.worker_id for name, child in self._children.items()})
        models = [self._model(child, demands[name], now) for name, child in self._children.items()]
        plan = placement.decide(models, 0 if all(model.resident for model in models) else self._budget, now)
        self._tell_unfit(frozenset(plan.unfit))
        for name in plan.unload:
            self._children[name].unload()
        for name in plan.load:
            self._children[name].load()
            self._released.discard(name)
        self._refuse(demands)
        return min(_REST, plan.again)

    def _hear(self) -> None:
        """Do what an administrator asked for since the last look."""
        if self._wishes_until is None:
            self._wishes_until = self._presence.store.clock()
        for name, (wish, when) in self._presence.wishes(self._wishes_until).items():
            self._wishes_until = max(self._wishes_until, when)
            child = self._children.get(name)
            if child is None:
                continue
            log.info("an administrator asks for a model", model=name, wish=wish)
            self._released.discard(name)
            if wish == "load":
                self._asked.add(name)
            else:
                self._asked.discard(name)
                if not child.entry.on_demand:
                    self._released.add(name)
                child.unload()

    def _resident(self, child: Child) -> bool:
        return not child.entry.on_demand and child.entry.name not in self._released

    def _model(self, child: Child, wanted: Demand, now: float) -> Model:
        entry, use = child.entry, self._uses[child.entry.name]
        child.see(wanted.worker, now)
        use.see(wanted, now)
        if child.phase == "ready" or child.broken:
            self._asked.discard(entry.name)
        if child.phase == "ready":
            use.used, use.wanted_since = max(use.used, child.ready_since), None
        elif use.wanted_since is None and (wanted.people or wanted.others or entry.name in self._asked):
            use.wanted_since = now
        return Model(
            entry.name,
            child.phase,
            weights=use.estimate.weights,
            need=use.need,
            resident=self._resident(child),
            pinned=entry.pinned,
            idle_timeout=entry.on_demand_idle_timeout,
            people=wanted.people,
            others=wanted.others,
            claimed=wanted.claimed,
            asked=entry.name in self._asked,
            blocked=child.blocked(now),
            wanted_since=now if use.wanted_since is None else use.wanted_since,
            used=use.used,
            used_by_people=use.used_by_people,
            ready_since=child.ready_since,
            load_seconds=child.load_seconds,
        )

    def _tell_unfit(self, unfit: frozenset[str]) -> None:
        """Say which models there is never room for, and take it back where there is."""
        for name in unfit - self._unfit:
            weights = self._uses[name].estimate.weights
            reason = (
                f"its weights take {_gib(weights)}, more than what stays loaded leaves of the {_gib(self._budget)} for "
                "all models: raise server.memory_budget (MLXQ_MEMORY_BUDGET), or serve it in fewer bits"
            )
            log.error("a model does not fit", model=name, reason=reason)
            self._children[name].declare(ModelState("broken", reason))
        for name in (self._unfit - unfit) & self._children.keys():
            self._children[name].declare(ModelState("unloaded"))
        self._unfit = unfit

    def _refuse(self, demands: Mapping[str, Demand]) -> None:
        """End what people wait for where it cannot be loaded; what is polled later waits for a better time."""
        for name, child in self._children.items():
            broken = name in self._unfit or (child.broken and not self._resident(child))
            if broken and demands[name].people and not self._presence.workers(name):
                self._asked.discard(name)
                state = self._presence.model(name)
                message = f"the model '{name}' could not be loaded" + (f": {state.reason}" if state.reason else "")
                failure = Failure(ModelUnavailable.code, message, param="model", retry_after=_RETRY_AFTER)
                demand.refuse(self._presence.store, name, failure)


def _gib(nbytes: int) -> str:
    return f"{nbytes / GIB:.2f} GiB"

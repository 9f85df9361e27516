"""Which models of this machine are in memory: a decision over all of them, made of values and nothing else.

A model that stays is loaded whatever others need. The rest share what is left of the memory budget:

- A model that is wanted and does not fit waits until there is room: idle models go, the least recently used first, then
  those whose turn is over. Models that do not fit together so take turns, and a turn is long enough to be worth its
  loading.
- Nothing goes that people use to make room for bulk work.
- A model that waits for room is overtaken only by one that fits beside it, so that a large one does not wait for ever.
- Going is draining: a worker that is told to go ends what it holds, and takes nothing more.

Times are in monotonic seconds, sizes in bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Phase: TypeAlias = Literal["unloaded", "loading", "ready", "unloading"]
QUIET = 15.0  # seconds without a job of theirs after which people no longer use a model
BULK_TURN = 60.0  # seconds that bulk work has a model before other bulk work may have its room
SHORTEST_TURN, LONGEST_TURN = 2.0, 30.0  # seconds that people have a model before others may have its room
_WORTH = 2.0  # times as long as it took to load


@dataclass(frozen=True)
class Model:
    """A model as it stands on this machine.

    `weights` cannot be done without, `need` is what it takes with its caches. `people` and `others` are jobs that wait
    for it, `claimed` those that its worker holds. `wanted_since` is when somebody first waited for it to be loaded.
    """

    name: str
    phase: Phase = "unloaded"
    weights: int = 0
    need: int = 0
    resident: bool = False  # it is loaded without being asked for
    pinned: bool = False  # nothing but an administrator makes it go
    idle_timeout: float = 60.0
    people: int = 0
    others: int = 0
    claimed: int = 0
    asked: bool = False  # by an administrator
    blocked: bool = False  # it could not be loaded just now
    wanted_since: float = 0.0
    used: float = 0.0
    used_by_people: float = -math.inf
    ready_since: float = 0.0
    load_seconds: float = 0.0

    @property
    def wanted(self) -> bool:
        """Whether it is to be loaded."""
        return not self.blocked and (self.resident or self.asked or self.people > 0 or self.others > 0)

    @property
    def urgent(self) -> bool:
        """Whether people wait for it."""
        return self.people > 0 or self.asked

    @property
    def idle(self) -> bool:
        """Whether it has nothing to do."""
        return not (self.people or self.others or self.claimed)

    def used_by_people_at(self, now: float) -> bool:
        """Whether people use it, or did a moment ago."""
        return self.people > 0 or now - self.used_by_people < min(QUIET, self.idle_timeout)

    @property
    def turn(self) -> float:
        """Seconds that people have it before others may have its room."""
        return min(max(SHORTEST_TURN, _WORTH * self.load_seconds), LONGEST_TURN)


@dataclass(frozen=True)
class Plan:
    """What is to be done now, and how long what stands needs no further look, if nothing happens."""

    load: list[str] = field(default_factory=list)
    unload: list[str] = field(default_factory=list)
    unfit: list[str] = field(default_factory=list)  # whose weights alone are more than there can ever be for them
    again: float = math.inf


def decide(models: Sequence[Model], budget: int, now: float) -> Plan:
    """Which models are to be loaded and which are to go."""
    plan = Plan()
    present = [model for model in models if model.phase != "unloaded"]
    free = budget - sum(model.need for model in present)
    coming = free + sum(model.need for model in present if model.phase == "unloading")
    staying = sum(_stays(model) * model.need for model in models if model.resident or model in present)
    room = max(budget - staying, 0)
    absent = [model for model in models if model.phase == "unloaded"]
    plan.unfit.extend(model.name for model in absent if model.weights > room and not model.resident)
    for model in sorted((one for one in absent if one.wanted and one.name not in plan.unfit), key=_rank):
        need = model.need if model.resident else min(model.need, room)
        if need > coming and not model.resident:
            going = _going(model, need - coming, (one for one in present if one.name not in plan.unload), now)
            if not going and model.urgent:
                break  # what becomes free is its own
            if not going:
                continue  # until people use less; bulk work that fits need not wait for that
            plan.unload.extend(one.name for one in going)
            coming += sum(one.need for one in going)
        if model.resident or need <= free:
            plan.load.append(model.name)
            free -= need
        coming -= need
        free = min(free, coming)
    plan.unload.extend(_beyond(models, coming, plan.unload))
    idle = {model.name: model.used + model.idle_timeout - now for model in present if _may_go(model) and model.idle}
    plan.unload.extend(name for name, left in idle.items() if left <= 0 and name not in plan.unload)
    again = min((left for left in idle.values() if left > 0), default=math.inf)
    return Plan(plan.load, plan.unload, plan.unfit, again)


def _beyond(models: Sequence[Model], coming: int, going: Sequence[str]) -> list[str]:
    """Idle models that go as what is loaded turned out to take more than there is; the one used last may stay."""
    able = sorted(
        (one for one in models if _may_go(one) and one.idle and one.name not in going), key=lambda one: one.used
    )
    names: list[str] = []
    for model in able[:-1]:
        if coming >= 0:
            break
        names.append(model.name)
        coming += model.need
    return names


def _rank(model: Model) -> tuple[bool, bool, float]:
    return not model.resident, not model.urgent, model.wanted_since


def _stays(model: Model) -> bool:
    return model.resident or model.pinned


def _may_go(model: Model) -> bool:
    return model.phase == "ready" and not _stays(model)


def _going(wanted: Model, short: int, present: Iterable[Model], now: float) -> list[Model]:
    """The models that make room for a wanted one which is `short` bytes short; none if that is not enough."""
    able = [model for model in present if _may_go(model) and _yields(model, wanted, now)]
    going: list[Model] = []
    for model in sorted(able, key=lambda one: (not one.idle, one.used)):
        if short <= 0:
            break
        going.append(model)
        short -= model.need
    if short > 0:
        return []
    for model in going[:-1]:  # a small one that was chosen before a large one may stay
        if short + model.need <= 0:
            going.remove(model)
            short += model.need
    return going


def _yields(model: Model, wanted: Model, now: float) -> bool:
    """Whether a model makes room for another one that is wanted."""
    if wanted.urgent:
        return model.idle or not model.used_by_people_at(now) or now - model.ready_since >= model.turn
    if model.used_by_people_at(now):
        return False
    return model.idle or now - model.ready_since >= BULK_TURN

"""Which models are loaded and which go: what fits stays, people go before bulk work, and nobody starves."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.supervision.placement import BULK_TURN, LONGEST_TURN, QUIET, Model, Phase, Plan, decide

NOW = 1000.0


def absent(name: str, **keys: Any) -> Model:
    return Model(name, **{"weights": 6, "need": 6, **keys})


def ready(name: str, **keys: Any) -> Model:
    return Model(name, "ready", **{"weights": 6, "need": 6, "used": NOW - 1, "ready_since": NOW - 1, **keys})


def going(name: str, **keys: Any) -> Model:
    return Model(name, "unloading", weights=6, need=6, **keys)


RECENT = {"used_by_people": NOW - 1}
LONG = {"ready_since": NOW - LONGEST_TURN - 1}
PLANS: dict[str, tuple[list[Model], list[str], list[str]]] = {
    "what nobody wants stays away": ([absent("a")], [], []),
    "who waits has it loaded": ([absent("a", people=1)], ["a"], []),
    "bulk work has it loaded": ([absent("a", others=1)], ["a"], []),
    "an administrator has it loaded": ([absent("a", asked=True)], ["a"], []),
    "one that stays is loaded by itself": ([absent("a", resident=True)], ["a"], []),
    "one that stays is loaded beyond the budget": ([ready("a"), absent("b", resident=True)], ["b"], []),
    "one that failed just now waits": ([absent("a", people=1, blocked=True)], [], []),
    "both where both fit": ([absent("a", people=1, need=4), absent("b", people=1, need=4)], ["a", "b"], []),
    "who came first where one fits": (
        [absent("a", people=1, wanted_since=2), absent("b", people=1, wanted_since=1)],
        ["b"],
        [],
    ),
    "people before bulk work": (
        [absent("a", others=1, wanted_since=1), absent("b", people=1, wanted_since=2)],
        ["b"],
        [],
    ),
    "an idle model makes room": ([ready("a"), absent("b", people=1)], [], ["a"]),
    "the least recently used one": (
        [ready("a", need=4, used=NOW - 1), ready("b", need=4, used=NOW - 9), absent("c", people=1, need=4)],
        [],
        ["b"],
    ),
    "no more than needed": (
        [ready("a", need=1, used=NOW - 9), ready("b", need=8, used=NOW - 1), absent("c", people=1, need=8)],
        [],
        ["b"],
    ),
    "what is going is waited for": ([going("a"), absent("b", people=1)], [], []),
    "whose room comes is not passed": (
        [going("a"), absent("b", people=1, wanted_since=1), absent("c", people=1, need=5, wanted_since=2)],
        [],
        [],
    ),
    "one that fits beside it passes": (
        [going("a"), absent("b", people=1, wanted_since=1), absent("c", people=1, need=4, wanted_since=2)],
        ["c"],
        [],
    ),
    "what takes more than was thought has an idle one go": ([ready("a", used=NOW - 9), ready("b")], [], ["a"]),
    "but not the last one": ([ready("a", need=12)], [], []),
    "nor one that works": ([ready("a", used=NOW - 9, claimed=1), ready("b")], [], []),
    "a pinned model stays": ([ready("a", pinned=True), absent("b", people=1, weights=3)], ["b"], []),
    "one that stays makes no room": ([ready("a", resident=True), absent("b", people=1, weights=3)], ["b"], []),
    "one that is loading is not interrupted": (
        [Model("a", "loading", weights=6, need=6), absent("b", people=1)],
        [],
        [],
    ),
    "people have their turn": ([ready("a", people=1), absent("b", people=1)], [], []),
    "and after it others have theirs": ([ready("a", people=1, **LONG), absent("b", people=1)], [], ["a"]),
    "what runs is drained for that too": (
        [ready("a", claimed=1, used_by_people=NOW, **LONG), absent("b", people=1)],
        [],
        ["a"],
    ),
    "bulk work makes room for people": ([ready("a", others=9, claimed=3), absent("b", people=1)], [], ["a"]),
    "bulk work waits while people use a model": ([ready("a", people=1, **LONG), absent("b", others=1)], [], []),
    "and a while longer": ([ready("a", **RECENT, **LONG), absent("b", others=1)], [], []),
    "then it takes the room": (
        [ready("a", used_by_people=NOW - QUIET - 1, **LONG), absent("b", others=1)],
        [],
        ["a"],
    ),
    "a short time of idleness is short for that too": (
        [ready("a", used_by_people=NOW - 6, used=NOW - 4, idle_timeout=5, **LONG), absent("b", others=1)],
        [],
        ["a"],
    ),
    "bulk work that fits need not wait for that": (
        [
            ready("a", people=1),
            absent("b", others=1, wanted_since=1),
            absent("c", others=1, need=4, wanted_since=2),
        ],
        ["c"],
        [],
    ),
    "bulk work has a turn": ([ready("a", others=1), absent("b", others=1)], [], []),
    "and then other bulk work": (
        [ready("a", others=1, ready_since=NOW - BULK_TURN), absent("b", others=1)],
        [],
        ["a"],
    ),
    "an idle model goes in time": ([ready("a", used=NOW - 60)], [], ["a"]),
    "not before": ([ready("a", used=NOW - 59)], [], []),
    "not while it works": ([ready("a", used=NOW - 99, claimed=1)], [], []),
    "not while somebody waits for it": ([ready("a", used=NOW - 99, people=1)], [], []),
    "not when it is pinned": ([ready("a", used=NOW - 99, pinned=True)], [], []),
    "not when it stays": ([ready("a", used=NOW - 99, resident=True)], [], []),
    "caches that do not fit are no reason to stay away": ([absent("a", people=1, weights=9, need=99)], ["a"], []),
}


@pytest.mark.parametrize(("models", "load", "unload"), PLANS.values(), ids=PLANS)
def test_a_plan(models: list[Model], load: list[str], unload: list[str]) -> None:
    plan = decide(models, budget=10, now=NOW)
    assert (plan.load, plan.unload, plan.unfit) == (load, unload, [])


@pytest.mark.parametrize("people", [0, 1])
def test_weights_that_never_fit_are_told_whether_it_is_wanted_or_not(people: int) -> None:
    models = [Model("a", "ready", need=5, resident=True), absent("b", people=people), Model("c", weights=5, need=5)]
    assert decide(models, budget=10, now=NOW) == Plan(unfit=["b"])


def test_the_next_look_is_when_the_next_one_has_been_idle_for_long() -> None:
    plan = decide([ready("a", used=NOW - 50), ready("b", need=1, used=NOW - 45)], budget=10, now=NOW)
    assert plan.again == 10.0


def test_a_turn_is_longer_where_loading_takes_longer() -> None:
    assert [Model("a", load_seconds=seconds).turn for seconds in (0, 5, 500)] == [2, 10, LONGEST_TURN]


class Machine:
    """Models that load, work and go in simulated time."""

    def __init__(self, sizes: dict[str, int], budget: int) -> None:
        self.now, self.budget = 0.0, budget
        self.models = {name: Model(name, weights=size, need=size, used=-1.0) for name, size in sizes.items()}
        self.waiting: dict[str, list[float]] = {name: [] for name in sizes}
        self.bulk = dict.fromkeys(sizes, 0)
        self.changing: dict[str, float] = {}
        self.loads: Counter[str] = Counter()
        self.longest = 0.0

    def step(self) -> None:
        """Half a second, in which a loaded model ends ten jobs of people or one of bulk work."""
        self.now += 0.5
        for name, model in self.models.items():
            if name in self.changing and self.now >= self.changing[name]:
                del self.changing[name]
                phase: Phase = "ready" if model.phase == "loading" else "unloaded"
                model = replace(model, phase=phase, ready_since=self.now, used=self.now, load_seconds=2.0)
            if model.phase == "ready" and (self.waiting[name] or self.bulk[name]):
                model = replace(model, used=self.now)
                if self.waiting[name]:
                    model = replace(model, used_by_people=self.now)
                    self.longest = max(self.longest, self.now - min(self.waiting[name]))
                    self.waiting[name] = self.waiting[name][10:]
                else:
                    self.bulk[name] -= 1
            waits = model.phase != "ready" and (model.people or model.others)
            since = model.wanted_since if waits else self.now
            self.models[name] = replace(
                model, people=len(self.waiting[name]), others=self.bulk[name], wanted_since=since
            )
        plan = decide(list(self.models.values()), self.budget, self.now)
        for name in plan.load:
            self.loads[name] += 1
            self._change(name, "loading", 2.0)
        for name in plan.unload:
            self._change(name, "unloading", 0.5)
        assert sum(model.need for model in self.models.values() if model.phase != "unloaded") <= self.budget

    def _change(self, name: str, phase: Phase, seconds: float) -> None:
        self.models[name] = replace(self.models[name], phase=phase)
        self.changing[name] = self.now + seconds


def test_two_that_do_not_fit_together_take_turns_and_load_seldom() -> None:
    machine = Machine({"a": 6, "b": 6}, budget=10)
    machine.bulk = {"a": 20, "b": 20}
    for number in range(600):  # five minutes in which people ask both, all the time
        if number < 400:
            for name in machine.waiting:
                machine.waiting[name] += [machine.now] * 2
        machine.step()
    assert not any(machine.waiting.values()) and not any(machine.bulk.values())
    assert machine.longest < 30 and sum(machine.loads.values()) < 60


@given(
    sizes=st.lists(st.integers(1, 10), min_size=1, max_size=5),
    calls=st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=60),
)
def test_everybody_is_served_in_the_end_and_the_budget_holds(sizes: list[int], calls: list[tuple[int, bool]]) -> None:
    machine = Machine({str(number): size for number, size in enumerate(sizes)}, budget=10)
    for which, person in calls:
        name = str(which % len(sizes))
        if person:
            machine.waiting[name].append(machine.now)
        else:
            machine.bulk[name] += 1
        machine.step()
    for _ in range(600 + 400 * len(sizes)):
        machine.step()
    assert not any(machine.waiting.values()) and not any(machine.bulk.values())
    assert machine.longest < 10 + len(sizes) * (LONGEST_TURN + 5)

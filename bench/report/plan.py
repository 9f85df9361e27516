"""What is to be measured, in how many rounds, and whose turn it is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import partial
from typing import Protocol, TypeVar


class Named(Protocol):
    """Anything that takes its turn under a name."""

    @property
    def name(self) -> str: ...


Entrant = TypeVar("Entrant", bound=Named)
Started = TypeVar("Started", bound=Named)
Case = TypeVar("Case")
T = TypeVar("T")


class Absent(Exception):
    """A system cannot take part here; the message says why."""


@dataclass
class Plan:
    """How much is measured. `absent` gathers who could not take part, and why.

    `only` are patterns as `text`, `text:8` or `text:8-*`: benchmarks, with or without the keys of their cases.
    """

    rounds: int = 5
    quick: bool = False
    only: Sequence[str] = ()
    without: Sequence[str] = ()
    absent: dict[str, str] = field(default_factory=dict)

    def wants(self, benchmark: str) -> bool:
        """Whether anything of a benchmark is to be measured."""
        return not self.only or any(fnmatch(benchmark, pattern.partition(":")[0]) for pattern in self.only)

    def cases(self, benchmark: str, cases: Mapping[str, Case]) -> list[Case]:
        """Those of a benchmark's cases that are to be measured."""
        patterns = [pattern.partition(":") for pattern in self.only]
        keys = [key or "*" for name, _, key in patterns if fnmatch(benchmark, name)] if self.only else ["*"]
        return [case for name, case in cases.items() if any(fnmatch(name, key) for key in keys)]

    def start(
        self,
        entered: ExitStack,
        systems: Sequence[tuple[str, Callable[[], AbstractContextManager[Started]]]],
    ) -> list[Started]:
        """Start all systems (name, and what starts one) that are here and not left out."""
        found = [self.attempt(name, partial(entered.enter_context, start())) for name, start in systems]
        return [one for one in found if one is not None]

    def attempt(self, name: str, work: Callable[[], T]) -> T | None:
        """What comes of it, or None where this system is left out or cannot take part."""
        try:
            if any(fnmatch(name, pattern) for pattern in self.without):
                raise Absent("left out by --without")
            self.tell(f"starting {name}")
            return work()
        except Absent as absent:
            self.absent[name] = str(absent)
            self.tell(f"without {name}: {absent}")
            return None

    def turns(self, systems: Sequence[Entrant]) -> Iterator[tuple[int, Entrant]]:
        """Rounds in which each system has its turn; another one begins each time."""
        for number in range(self.rounds):
            first = number % max(1, len(systems))
            for system in (*systems[first:], *systems[:first]):
                yield number, system

    @staticmethod
    def tell(text: str) -> None:
        """A line for who waits."""
        print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)

"""Fields that no schema knows: which known one is meant by a slip, and where in a body the ignored ones stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from rapidfuzz.distance import OSA

MOST_NAMES = 256  # different unknown names in a body
MOST_TOLD = 32  # places of ignored fields
_LONG = 10  # letters of a name in which two slips are still a typo
_SHORT = 3  # letters of a name that one slip makes another
_SEPARATORS = re.compile(r"[\W_]+")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that an unknown one is a slip of, however it is written (`maxTokens`); None when none is close.

    A slip is a letter too many, too few, wrong, or in its neighbour's place: one of them in a name, two in a long one.
    """
    written = _plain(name)
    close = [(slips, other) for other in known if (slips := _slips(written, _plain(other))) is not None]
    return min(close)[1] if close else None


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name.lower())


def _slips(written: str, known: str) -> int | None:
    most = 2 if len(known) >= _LONG else 1 if len(known) > _SHORT else 0
    slips = OSA.distance(written, known, score_cutoff=most)
    return slips if slips <= most else None


@dataclass
class Ignored:
    """What of one body is ignored, noted by the object that holds it; `strict` says that nothing may be."""

    strict: bool = False
    names: set[str] = field(default_factory=set)
    _held: list[tuple[Any, str]] = field(default_factory=list)

    def note(self, holder: Any, name: str) -> None:
        """An object of the body holds a field that is ignored."""
        self.names.add(name)
        if len(self._held) < MOST_TOLD:
            self._held.append((holder, name))

    def places(self, body: Any) -> tuple[str, ...]:
        """Where the first of them stand in the body, as errors name fields: `messages[0].id`."""
        if not self._held:
            return ()
        wanted: dict[int, dict[str, None]] = {}
        for holder, name in self._held:
            wanted.setdefault(id(holder), {})[name] = None
        return tuple(islice(_places(body, wanted, ""), MOST_TOLD))


def _places(value: Any, wanted: Mapping[int, Iterable[str]], path: str) -> Iterator[str]:
    for name in wanted.get(id(value), ()):
        yield f"{path}.{name}" if path else name
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _places(inner, wanted, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _places(inner, wanted, f"{path}[{index}]")


_NOTED: ContextVar[Ignored | None] = ContextVar("ignored fields", default=None)


def current() -> Ignored:
    """Where the body that is being checked notes what is ignored of it."""
    return _NOTED.get() or Ignored()


@contextmanager
def noting(ignored: Ignored) -> Iterator[None]:
    """Note here what is ignored of the body that is checked within."""
    token = _NOTED.set(ignored)
    try:
        yield
    finally:
        _NOTED.reset(token)

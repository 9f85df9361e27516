"""What a value of the models' file or of the environment may be, each check with the words for its refusal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Check(NamedTuple):
    """`what` a value must be, and whether one is."""

    what: str
    holds: Callable[[Any], bool]


def whole(least: int, most: int | None = None) -> Check:
    """A whole number within bounds."""
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
    return Check(f"a whole number {bounds}", _number((int,), least, math.inf if most is None else most))


def real(least: float, most: float) -> Check:
    """A number within bounds."""
    return Check(f"a number from {least:g} to {most:g}", _number((int, float), least, most))


def above_nothing(most: float) -> Check:
    """A number above 0."""
    return Check(
        f"a number above 0, up to {most:g}",
        lambda value: _number((int, float), 0, most)(value) and value > 0,
    )


def one_of(*values: int) -> Check:
    """One of a few whole numbers."""
    return Check("one of " + ", ".join(map(str, values)), lambda value: type(value) is int and value in values)


def _number(kinds: tuple[type, ...], least: float, most: float) -> Callable[[Any], bool]:
    def holds(value: Any) -> bool:
        return isinstance(value, kinds) and not isinstance(value, bool) and least <= value <= most  # type: ignore[operator]

    return holds


# The settings of a request that an installation or a model may have a default for.
SAMPLING: Mapping[str, Check] = {
    "max_tokens": whole(1),
    "temperature": real(0, 2),
    "top_p": above_nothing(1),
    "top_k": whole(0),
    "min_p": real(0, 1),
    "xtc_probability": real(0, 1),
    "xtc_threshold": real(0, 0.5),
    "repetition_penalty": above_nothing(10),
    "repetition_context_size": whole(0),
    "presence_penalty": real(-2, 2),
    "frequency_penalty": real(-2, 2),
    "seed": whole(-(2**63), 2**63 - 1),
}

"""What is left out of a conversation that does not fit a model's context."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from tasks.values.errors import ContextLengthExceeded
from tasks.values.messages import Message

T = TypeVar("T")


def beginnings(turns: Sequence[Message]) -> list[int]:
    """Where a conversation can begin when its oldest turns are left out: with a user, at least with its last turn.

    What the system says before everything else stays.
    """
    instructions = opening(turns)
    users = [index for index, turn in enumerate(turns) if index >= instructions and turn.role == "user"]
    return sorted({instructions, *users})


def opening(turns: Sequence[Message]) -> int:
    """How many turns of the system a conversation begins with."""
    return next((index for index, turn in enumerate(turns) if turn.role != "system"), len(turns))


def longest(turns: Sequence[Message], make: Callable[[tuple[Message, ...]], T]) -> T:
    """What is made of the longest end of a conversation that fits; raises ContextLengthExceeded when none does.

    Later ends are shorter, so the longest that fits is found by halving.
    """
    instructions, begins = tuple(turns[: opening(turns)]), beginnings(turns)

    def made(at: int) -> T | None:
        try:
            return make((*instructions, *turns[begins[at] :]))
        except ContextLengthExceeded:
            if at == len(begins) - 1:
                raise
            return None

    fitting = made(0)
    if fitting is not None:
        return fitting
    low, high, best = 1, len(begins) - 1, None
    while low <= high:
        middle = (low + high) // 2
        fitting = made(middle)
        if fitting is None:
            low = middle + 1
        else:
            best, high = fitting, middle - 1
    assert best is not None  # noqa: S101  (the last of them fits, or has raised)
    return best

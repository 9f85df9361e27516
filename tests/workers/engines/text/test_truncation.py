"""The oldest turns are left out of what does not fit, and no more of them than have to be."""

from __future__ import annotations

import pytest

from tasks.values.errors import ContextLengthExceeded
from tasks.values.messages import Message
from workers.engines.text.truncation import longest

TALK = [
    *(("system", "s"), ("user", "a"), ("assistant", "bb"), ("user", "c"), ("assistant", "d"), ("tool", "ee")),
    *(("assistant", "f"), ("user", "gg")),
]


def turns(*talk: tuple[str, str]) -> tuple[Message, ...]:
    return tuple(Message(role, text) for role, text in talk)  # type: ignore[arg-type]


def within(most: int) -> str:
    """What is left of the talk where so many characters fit."""

    def make(kept: tuple[Message, ...]) -> str:
        said = "".join(turn.content for turn in kept)
        if len(said) > most:
            raise ContextLengthExceeded("too long")
        return said

    return longest(turns(*TALK), make)


@pytest.mark.parametrize(
    ("most", "left"),
    [(11, "sabbcdeefgg"), (10, "scdeefgg"), (8, "scdeefgg"), (7, "sgg"), (3, "sgg")],
)
def test_a_conversation_begins_with_a_user_as_early_as_fits(most: int, left: str) -> None:
    assert within(most) == left


def test_what_does_not_fit_with_its_last_turn_alone_is_refused() -> None:
    with pytest.raises(ContextLengthExceeded):
        within(2)


@pytest.mark.parametrize("talk", [[], [("system", "long")], [("assistant", "long"), ("tool", "longer")]])
def test_what_has_no_user_is_taken_as_a_whole_or_refused(talk: list[tuple[str, str]]) -> None:
    assert longest(turns(*talk), lambda kept: len(kept)) == len(talk)
    with pytest.raises(ContextLengthExceeded):
        longest(turns(*talk), refuse)


def refuse(kept: tuple[Message, ...]) -> str:
    raise ContextLengthExceeded("too long")


@pytest.mark.parametrize("count", range(1, 20))
def test_the_longest_that_fits_is_found(count: int) -> None:
    talk = turns(*(("user", "x") for _ in range(count)))

    def make(kept: tuple[Message, ...]) -> int:
        if len(kept) > most:
            raise ContextLengthExceeded("too long")
        return len(kept)

    for most in range(1, count + 3):
        assert longest(talk, make) == min(most, count)

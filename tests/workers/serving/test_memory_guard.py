"""A worker that takes too much memory first takes nothing more, and then starts anew, once."""

from __future__ import annotations

from tests.support.servers import eventually
from tests.workers import running
from workers.serving.memory import Marks
from workers.serving.memory_guard import Guard


def test_marks_have_a_tenth_between_them_and_come_from_the_limit_or_the_machine() -> None:
    assert Marks.of(1000) == Marks(1000, 1100)
    assert Marks.of(None).soft > 1 << 28
    assert Marks(2 << 30, 3 << 30).exceeded(4 << 30) == (
        "its process took 4.00 GiB of memory, more than 3.00 GiB (memory_limit)"
    )


def test_beyond_the_soft_mark_nothing_joins_until_there_is_room_again() -> None:
    batcher, said = running.made().batcher, list[str]()
    guard = Guard(Marks(100, 110), batcher, said.append)
    seen = []
    for taken in (100, 101, 110, 99, 105):
        guard.look(taken)
        seen.append(batcher.sparing)
    assert seen == [False, True, True, False, True] and said == []


def test_beyond_the_hard_mark_it_starts_anew_once() -> None:
    batcher, said = running.made().batcher, list[str]()
    guard = Guard(Marks(100, 110), batcher, said.append)
    for taken in (90, 111, 500, 90):
        guard.look(taken)
    eventually(lambda: said)
    assert said == [Marks(100, 110).exceeded(111)]

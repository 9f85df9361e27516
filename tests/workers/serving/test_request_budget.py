"""What waits stays within its bytes, and nobody waits for ever."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable

import pytest

from tasks.values.errors import JobCancelled
from tests.support.servers import PATIENCE, eventually
from workers.serving.check_deadline import CheckDeadline
from workers.serving.request_budget import Budget


def begun(hold: Callable[[], object]) -> threading.Event:
    """A thread that holds, and keeps what it got; the event is set when it has."""
    held = threading.Event()

    def run() -> None:
        kept = hold()
        held.set()
        threading.Event().wait(PATIENCE)
        del kept

    threading.Thread(target=run, daemon=True).start()
    return held


def test_who_finds_it_used_up_waits_until_others_are_seen() -> None:
    budget = Budget(100)
    first = budget.hold(80)
    held = begun(lambda: budget.hold(30))
    assert not held.wait(0.2)
    part = first  # a piece of it that is still to be seen
    del first
    gc.collect()
    assert not held.wait(0.2)
    del part
    gc.collect()
    assert held.wait(PATIENCE)


def test_what_needs_more_than_there_is_for_it_gets_all_of_that() -> None:
    budget = Budget(6400)
    large = budget.hold(100_000)
    assert budget.free == 800  # which is for small ones
    del large
    gc.collect()
    eventually(lambda: budget.free == 6400)


def test_a_small_one_never_waits_behind_large_ones() -> None:
    budget = Budget(6400)
    large = budget.hold(6400)
    waiting = begun(lambda: budget.hold(6400))
    small = [budget.hold(100, CheckDeadline(lambda: False)) for _ in range(8)]
    assert not waiting.is_set() and len(small) == 8
    with pytest.raises(JobCancelled):  # but among their like they are bounded as well
        budget.hold(100, CheckDeadline(lambda: False))
    large.free()
    assert waiting.wait(PATIENCE)


def test_a_large_one_is_not_passed_for_ever_by_those_that_fit() -> None:
    budget = Budget(6400)
    first, second = budget.hold(3000), budget.hold(2000)
    large = begun(lambda: budget.hold(5000))
    eventually(lambda: bool(budget._large._turns))
    later = begun(lambda: budget.hold(500))
    assert budget.take(500) is None
    second.free()
    assert not later.wait(0.2) and not large.is_set()
    first.free()
    assert large.wait(PATIENCE) and later.wait(PATIENCE)


def test_who_gives_up_makes_room_for_who_comes_next() -> None:
    budget = Budget(6400)
    first, over = budget.hold(3000), threading.Event()

    def wait() -> None:
        with pytest.raises(JobCancelled):
            budget.hold(5000, CheckDeadline(lambda: not over.is_set()))

    gone = threading.Thread(target=wait)
    gone.start()
    eventually(lambda: bool(budget._large._turns))
    later = begun(lambda: budget.hold(500))
    assert not later.wait(0.2)
    over.set()
    gone.join()
    assert later.wait(PATIENCE)
    first.free()


def test_who_takes_does_not_wait() -> None:
    budget = Budget(6400)
    taken = budget.take(5000)
    assert taken is not None and budget.take(5000) is None
    taken.free()
    assert budget.take(5000) is not None


def test_what_was_given_back_is_not_given_back_twice() -> None:
    budget = Budget(100)
    with budget.hold(60) as held:
        assert budget.free == 40
    held.free()
    del held
    gc.collect()
    assert budget.free == 100


def test_who_waits_gives_up_when_nobody_wants_the_request_any_more() -> None:
    budget = Budget(100)
    held = budget.hold(100)
    with pytest.raises(JobCancelled):
        budget.hold(50, CheckDeadline(lambda: False))
    held.free()
    assert budget.free == 100

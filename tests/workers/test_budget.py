"""What waits for the towers stays within its bytes."""

from __future__ import annotations

import gc
import threading

import pytest

from tasks.values.errors import JobCancelled
from tests.servers import PATIENCE, eventually
from workers.budget import Budget
from workers.patience import Patience


def test_who_finds_it_used_up_waits_until_others_are_seen() -> None:
    budget = Budget(100)
    first = budget.hold(80)
    held = threading.Event()

    def hold() -> None:
        budget.hold(30)
        held.set()

    waiting = threading.Thread(target=hold, daemon=True)
    waiting.start()
    assert not held.wait(0.2)
    part = first  # a piece of it that is still to be seen
    del first
    gc.collect()
    assert not held.wait(0.2)
    del part
    gc.collect()
    assert held.wait(PATIENCE)
    waiting.join()


def test_what_needs_more_than_there_is_gets_it_all_alone() -> None:
    budget = Budget(100)
    large = budget.hold(1000)
    assert budget._left == 0
    del large
    gc.collect()
    eventually(lambda: budget._left == 100)


def test_what_was_given_back_is_not_given_back_twice() -> None:
    budget = Budget(100)
    held = budget.hold(60)
    held.free()
    held.free()
    del held
    gc.collect()
    assert budget._left == 100


def test_who_waits_gives_up_when_nobody_wants_the_request_any_more() -> None:
    budget = Budget(100)
    held = budget.hold(100)
    with pytest.raises(JobCancelled):
        budget.hold(1, Patience(lambda: False))
    held.free()
    assert budget._left == 100

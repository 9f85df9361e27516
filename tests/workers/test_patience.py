"""A check asks now and then whether anybody still wants the request, and not more often."""

from __future__ import annotations

import threading

import pytest

from tasks.values.errors import JobCancelled
from tests.workers.running import Clock
from workers.patience import EVERY, Patience


def test_a_short_check_asks_nobody() -> None:
    asked: list[int] = []
    clock = Clock()
    patience = Patience(lambda: not asked.append(1), clock)
    for _ in range(100):
        patience.look()
    assert not asked
    clock.now += EVERY
    patience.look()
    patience.look()
    assert asked == [1]


def test_a_check_ends_when_nobody_wants_it_any_more() -> None:
    clock = Clock()
    patience = Patience(lambda: False, clock)
    clock.now += EVERY
    with pytest.raises(JobCancelled):
        patience.look()


def test_who_waits_for_a_lock_gives_up_as_well() -> None:
    lock = threading.Lock()
    with lock, pytest.raises(JobCancelled), Patience(lambda: False).holding(lock):
        raise AssertionError("the lock was held")
    with Patience(lambda: False).holding(lock):
        assert lock.locked()
    assert not lock.locked()

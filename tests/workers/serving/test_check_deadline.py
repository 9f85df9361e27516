"""A check asks now and then whether anybody still wants the request, and not more often."""

from __future__ import annotations

import threading

import pytest

from tasks.values.errors import JobCancelled
from tests.workers.running import Clock
from workers.serving.check_deadline import EVERY, CheckDeadline, MustWait


def test_a_short_check_asks_nobody() -> None:
    asked: list[int] = []
    clock = Clock()
    deadline = CheckDeadline(lambda: not asked.append(1), clock)
    for _ in range(100):
        deadline.look()
    assert not asked
    clock.now += EVERY
    deadline.look()
    deadline.look()
    assert asked == [1]


def test_a_check_ends_when_nobody_wants_it_any_more() -> None:
    clock = Clock()
    deadline = CheckDeadline(lambda: False, clock)
    clock.now += EVERY
    with pytest.raises(JobCancelled):
        deadline.look()


def test_who_waits_for_a_lock_gives_up_as_well() -> None:
    lock = threading.Lock()
    with lock, pytest.raises(JobCancelled), CheckDeadline(lambda: False).holding(lock):
        raise AssertionError("the lock was held")
    with CheckDeadline(lambda: False).holding(lock):
        assert lock.locked()
    assert not lock.locked()


def test_who_may_wait_briefly_only_is_told_that_it_would_have_to_wait() -> None:
    lock, changed = threading.Lock(), threading.Condition()
    brief = CheckDeadline(brief=True)
    with lock, pytest.raises(MustWait), brief.holding(lock):
        raise AssertionError("the lock was held")
    with changed, pytest.raises(MustWait):
        brief.wait(changed, lambda: False)
    with changed:
        brief.wait(changed, lambda: True)
    with brief.holding(lock):
        assert lock.locked()


def test_who_gives_up_says_so_before_it_says_that_it_would_have_to_wait() -> None:
    changed = threading.Condition()
    with changed, pytest.raises(JobCancelled):
        CheckDeadline(lambda: False, brief=True).wait(changed, lambda: False)

"""Redis' clock in a process: near it, and never back without need."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tasks.redis import clock
from tasks.redis.clock import Clock
from tasks.redis.store import JobStore


class Slow:
    """A Redis whose clock is `ahead` microseconds ahead, and whose replies take their time."""

    def __init__(self, ahead: int = 0) -> None:
        self.ahead, self.asked = ahead, 0

    def clock(self) -> int:
        self.asked += 1
        time.sleep(0.003 * (self.asked % 3))
        there = time.time_ns() // 1000 + self.ahead
        time.sleep(0.004 * (self.asked % 2))
        return there


@pytest.fixture
def always_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_FRESH", 0.0)


def near(micros: Callable[[], int], ahead: int) -> bool:
    return abs(micros() - ahead - time.time_ns() // 1000) < 1_000_000


@pytest.mark.usefixtures("always_asking")
@pytest.mark.parametrize("ahead", [0, 3_600_000_000, -3_600_000_000])
def test_times_rise_however_long_replies_take(ahead: int) -> None:
    micros = Clock(Slow(ahead).clock).micros
    told = [micros() for _ in range(30)]
    assert told == sorted(told) and near(micros, ahead)


@pytest.mark.usefixtures("always_asking")
def test_a_first_reply_that_was_slow_does_not_make_the_next_times_fall() -> None:
    delays = iter((0.05, 0.0, 0.0))

    def ask() -> int:
        time.sleep(next(delays))
        return time.time_ns() // 1000 - 3_600_000_000

    micros = Clock(ask).micros
    told = [micros() for _ in range(3)]
    assert told == sorted(told)


@pytest.mark.usefixtures("always_asking")
@pytest.mark.parametrize("jump", [5_000_000, -5_000_000])
def test_a_clock_that_is_set_is_followed(jump: int) -> None:
    redis = Slow()
    micros = Clock(redis.clock).micros
    micros()
    redis.ahead = jump
    assert near(micros, jump)


def test_it_is_asked_once_a_second(store: JobStore) -> None:
    before = store.redis.info("commandstats")["cmdstat_time"]["calls"] if store.clock() else 0
    micros = Clock(store.clock).micros
    for _ in range(100):
        micros()
    assert store.redis.info("commandstats")["cmdstat_time"]["calls"] - before <= 2

"""An engine that has nothing to do waits for the rest of a burst, and for nobody where people come alone."""

from __future__ import annotations

import pytest

from workers.serving.burst_delay import BurstDelay

LATER = 10.0  # seconds, when all that came before is over


class Engine:
    """One that is idle again before each burst."""

    def __init__(self) -> None:
        self.burst_delay, self._now = BurstDelay(), 0.0

    def burst(self, count: int, every: float = 0.002) -> list[tuple[bool, float]]:
        """So many come one after the other; behind each of them, whether it is complete, and the seconds to wait."""
        self._now += LATER
        seen = []
        for at in range(count):
            now = self._now + at * every
            self.burst_delay.came(now, idle=at == 0)
            seen.append((self.burst_delay.complete, self.burst_delay.left(now)))
        return seen


def test_who_comes_alone_waits_for_nobody() -> None:
    engine = Engine()
    for _ in range(3):
        assert engine.burst(1) == [(True, 0.0)]


def test_nor_does_a_caller_who_asks_again_as_soon_as_he_is_answered() -> None:
    burst_delay = BurstDelay()
    for call in range(5):
        burst_delay.came(0.03 * call, idle=True)
        assert (burst_delay.complete, burst_delay.left(0.03 * call)) == (True, 0.0)


def test_after_a_burst_the_next_one_is_waited_for() -> None:
    engine = Engine()
    engine.burst(8)
    seen = engine.burst(8)
    assert [complete for complete, _ in seen] == [False] * 7 + [True]
    assert all(left > 0 for _, left in seen)


def test_but_not_longer_than_a_little_more_than_the_last_one_took() -> None:
    engine = Engine()
    engine.burst(8, every=0.002)
    (_, left), *_ = engine.burst(8)
    assert left == pytest.approx(1.5 * 7 * 0.002)
    engine.burst(4, every=0.016)
    (_, left), *_ = engine.burst(4)
    assert left == pytest.approx(0.05)


def test_who_comes_alone_after_a_burst_waits_a_few_times_only() -> None:
    engine = Engine()
    engine.burst(8)
    assert [engine.burst(1)[0][0] for _ in range(5)] == [False, False, False, True, True]


def test_one_alone_between_two_bursts_is_not_all_that_is_learnt() -> None:
    engine = Engine()
    engine.burst(8)
    engine.burst(1)
    (complete, left), *_ = engine.burst(8)
    assert not complete and left > 0


def test_who_comes_while_the_engine_works_begins_no_burst() -> None:
    burst_delay = BurstDelay()
    burst_delay.came(0.0, idle=True)
    for at in range(10):
        burst_delay.came(1.0 + at, idle=False)
    burst_delay.came(100.0, idle=True)
    assert burst_delay.complete

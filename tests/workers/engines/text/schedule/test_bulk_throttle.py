"""Bulk work makes way for people, and has the machine to itself when there are none."""

from __future__ import annotations

import pytest

from workers.engines.text.schedule.bulk_throttle import BRIEF, BulkThrottle


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def learned(clock: Clock, a_pass: float, a_row: float, slots: int = 32) -> BulkThrottle:
    """One that saw fifty steps of bulk work on a machine where a step takes so many seconds, and more for each row."""
    bulk_throttle = BulkThrottle(slots, clock)
    bulk_throttle.note_people()
    for _ in range(50):
        rows = min(bulk_throttle.most, 28)
        bulk_throttle.took(a_pass + rows * a_row, [True] * rows)
    return bulk_throttle


def test_bulk_work_has_everything_until_somebody_comes_and_again_some_time_after(clock: Clock) -> None:
    bulk_throttle = learned(clock, 0.02, 0.005)
    assert bulk_throttle.people_about and bulk_throttle.most < 28
    clock.now += 11
    assert not bulk_throttle.people_about and bulk_throttle.most == 32


@pytest.mark.parametrize(("a_pass", "a_row"), [(0.02, 0.005), (0.03, 0.003), (0.01, 0.01)])
def test_as_many_rows_step_together_as_take_a_moment(clock: Clock, a_pass: float, a_row: float) -> None:
    rows = learned(clock, a_pass, a_row).most
    assert BRIEF / 2 <= a_pass + rows * a_row <= 1.5 * BRIEF


def test_where_rows_cost_nothing_or_each_step_too_much_they_are_not_taken_apart(clock: Clock) -> None:
    assert learned(clock, 0.01, 0.0001).most == 32
    assert learned(clock, 1.0, 0.1).most == 4


def test_one_slow_step_changes_nothing(clock: Clock) -> None:
    bulk_throttle = learned(clock, 0.02, 0.001)
    bulk_throttle.took(3.0, [True] * 28)
    for _ in range(10):
        bulk_throttle.took(0.048, [True] * 28)
    assert bulk_throttle.most == 32


def test_steps_with_people_say_nothing_of_bulk_work(clock: Clock) -> None:
    bulk_throttle = BulkThrottle(32, clock)
    bulk_throttle.note_people()
    for _ in range(20):
        bulk_throttle.took(1.0, [True] * 20 + [False])
    assert bulk_throttle.most == 32


def test_bulk_work_stands_still_for_a_first_token_but_not_for_long(clock: Clock) -> None:
    bulk_throttle, paused = BulkThrottle(32, clock), 0
    for _ in range(100):
        paused += bulk_throttle.pauses(awaited=True)
        clock.now += 0.1
    assert 75 <= paused < 90
    assert not bulk_throttle.pauses(awaited=False)


def test_pieces_of_bulk_work_take_turns(clock: Clock) -> None:
    bulk_throttle = BulkThrottle(32, clock)
    assert {bulk_throttle.next_of(3) for _ in range(3)} == {0, 1, 2}

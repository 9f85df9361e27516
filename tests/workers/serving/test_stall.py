"""A stall is no progress in time that the process lived through; a slow machine, a pause and a busy device are none."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import pytest

from workers.serving import stall
from workers.serving.stall import ENDLESS, LEAST, Stall

PATIENCE, EVERY = 120.0, 2.0


@dataclass
class Machine:
    """A clock and a CPU meter, and the heartbeat that looks at both."""

    now: float = 1000.0
    cpu: float = 50.0
    factor: float = 1.0

    def __post_init__(self) -> None:
        self.stall = Stall(PATIENCE, EVERY, self.factor, clock=lambda: self.now, cpu=lambda: self.cpu)

    def beats(self, seconds: float, *, step: int | None = 1, share: float = 0.0, held: float = 0.0) -> str | None:
        """Beat for so long, in a step that uses that share of a core and `held` bytes more of the device a second."""
        for _ in range(int(seconds / EVERY)):
            self.now += EVERY
            self.cpu += share * EVERY
            if (why := self.stall.judge(step, int(held * self.now))) is not None:
                return why
        return None


def test_a_step_that_does_nothing_is_stalled_and_the_setting_is_named() -> None:
    machine = Machine()
    assert machine.beats(PATIENCE) is None
    assert machine.beats(2 * EVERY) == "the engine made no progress for 122 s in one step (MLXQ_STALL)"


def test_what_a_process_at_rest_uses_is_no_progress() -> None:
    assert Machine().beats(2 * PATIENCE, share=LEAST / 5) is not None


def test_a_step_that_computes_however_slowly_is_not_stalled() -> None:
    assert Machine().beats(10 * PATIENCE, share=2 * LEAST) is None


def test_cpu_that_comes_in_bursts_counts() -> None:
    machine = Machine()
    for _ in range(10):
        assert machine.beats(PATIENCE - 2 * EVERY) is None
        assert machine.beats(EVERY, share=1.0) is None


def test_a_step_whose_device_works_while_the_cpu_idles_is_not_stalled() -> None:
    machine = Machine()
    assert machine.beats(10 * PATIENCE, held=1000) is None
    assert machine.beats(2 * PATIENCE) is not None


def test_a_step_that_computes_without_an_end_is_ended() -> None:
    why = Machine().beats(2 * ENDLESS * PATIENCE, share=1.0)
    assert why is not None and "without an end" in why and f"{ENDLESS} times MLXQ_STALL" in why


def test_every_step_begins_anew_and_between_steps_nothing_counts() -> None:
    machine = Machine()
    for step in range(5):
        assert machine.beats(PATIENCE - EVERY, step=step) is None
        assert machine.beats(10 * PATIENCE, step=None) is None


def test_hours_asleep_are_not_the_process_own() -> None:
    machine = Machine()
    assert machine.beats(PATIENCE / 2) is None
    machine.now += 8 * 3600
    assert machine.beats(PATIENCE / 2 - 2 * EVERY) is None
    assert machine.beats(10 * EVERY) is not None


def test_an_engine_with_long_steps_has_more_patience_and_the_reason_says_so() -> None:
    machine = Machine(factor=5)
    assert machine.beats(5 * PATIENCE) is None
    assert machine.beats(2 * EVERY) == "the engine made no progress for 602 s in one step (5 times MLXQ_STALL)"


@pytest.mark.parametrize("own", [True, False])
def test_the_heartbeat_s_own_cpu_time_is_not_the_engine_s(own: bool) -> None:
    def burn() -> None:
        until = time.thread_time() + 0.2
        while time.thread_time() < until:
            pass

    before = stall.used()
    if own:
        burn()
    else:
        thread = threading.Thread(target=burn)
        thread.start()
        thread.join()
    assert (stall.used() - before >= 0.19) is not own

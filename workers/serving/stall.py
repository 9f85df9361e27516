"""Whether an engine still moves: judged by what its process and its device do, never by the wall clock alone."""

from __future__ import annotations

import time
from collections.abc import Callable

LEAST = 0.01  # of one core's time: a step that uses less computes nothing; a process at rest was seen to use 0.001
ENDLESS = 30  # times MLXQ_STALL that a step may compute without coming to its end


def used() -> float:
    """CPU seconds of this process' threads but the calling one, which is the heartbeat's."""
    return time.process_time() - time.thread_time()


class Stall:
    """Judges at every beat of a heartbeat, in its thread, whether the engine still moves.

    A step moves while its process uses CPU or its device takes and gives back memory. Time counts in the slices of
    about `every` seconds that the beats saw: what passed while the process was stopped, or the Mac asleep, does not.
    `patience` is the setting MLXQ_STALL in seconds; the engine may stand still `factor` times as long.
    """

    def __init__(
        self,
        patience: float,
        every: float,
        factor: float = 1.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = used,
    ) -> None:
        self._patience, self._every, self._factor = patience, every, factor
        self._clock, self._cpu = clock, cpu
        self._beat = clock()
        self._step: int | None = None
        self._took = 0.0  # seconds of this step
        self._moved(0)

    def _moved(self, memory: int) -> None:
        self._still, self._used, self._memory = 0.0, self._cpu(), memory

    def judge(self, step: int | None, memory: int = 0) -> str | None:
        """Why this process must end; None while the engine moves, or has nothing to do.

        `step` is another number in every step and None between them; `memory` are the bytes that the device holds.
        """
        now = self._clock()
        passed, self._beat = min(now - self._beat, 2 * self._every), now
        if step is None or step != self._step:
            self._step, self._took = step, 0.0
            self._moved(memory)
            return None
        self._took += passed
        self._still += passed
        if memory != self._memory or self._cpu() - self._used >= LEAST * self._patience:
            self._moved(memory)
        if self._still > self._factor * self._patience:
            times = "" if self._factor == 1 else f"{self._factor:g} times "
            return f"the engine made no progress for {self._still:.0f} s in one step ({times}MLXQ_STALL)"
        if self._took > ENDLESS * self._patience:
            return f"one step of the engine computed for {self._took:.0f} s without an end ({ENDLESS} times MLXQ_STALL)"
        return None

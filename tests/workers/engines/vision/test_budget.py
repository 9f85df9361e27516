"""Pixels that wait for the vision tower stay within their bytes."""

from __future__ import annotations

import gc
import threading

import numpy as np

from tests.servers import eventually
from workers.engines.vision.budget import Budget


def pixels(count: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.zeros(count, np.uint8)


def test_who_finds_it_used_up_waits_until_others_are_seen() -> None:
    budget, first = Budget(100), pixels(80)
    budget.hold(first)
    held = threading.Event()

    def hold() -> None:
        budget.hold(pixels(30))
        held.set()

    waiting = threading.Thread(target=hold, daemon=True)
    waiting.start()
    assert not held.wait(0.2)
    piece = first[:10]  # a piece keeps the whole in memory
    del first
    gc.collect()
    assert not held.wait(0.2)
    del piece
    gc.collect()
    assert held.wait(10)
    waiting.join()


def test_what_needs_more_than_there_is_gets_it_all_alone() -> None:
    budget = Budget(100)
    large = pixels(1000)
    budget.hold(large)
    del large
    gc.collect()
    eventually(lambda: budget._left == 100)
    budget.hold(pixels(10))

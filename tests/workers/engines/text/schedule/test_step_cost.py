"""What a step costs outside the model, in calls of our own functions: seconds would tell of the machine."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import workers
from tests.workers.engines.rows import Batch
from tests.workers.engines.text import tiny
from tests.workers.engines.text.schedule.test_batch import prompt, tokens
from workers.engines.lm import TextEngine

OURS = str(Path(workers.__file__).parent)
STEPS = 4


def speaking(rows: int, options: Mapping[str, Any]) -> TextEngine:
    """An engine in the middle of so many answers."""
    engine = tiny.engine(slots=32, prompts_at_once=32, chunk=2048)
    batch = Batch(engine)
    for number in range(rows):
        batch.admit(str(number), prompt(tokens(20, number + 2), max_tokens=200, **options))
    while any(row.generated < 3 for row in engine._batch.rows):
        batch.step()
    return engine


def calls_a_step(engine: TextEngine) -> float:
    """Calls of Python functions in `workers`, the mean of some steps."""
    count = 0

    def profile(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        count += event == "call" and frame.f_code.co_filename.startswith(OURS)

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        for _ in range(STEPS):
            engine.step()
    finally:
        sys.setprofile(before)
    return count / STEPS


@pytest.mark.parametrize(
    ("options", "a_row"),
    [({}, 50), ({"temperature": 0.8, "seed": 1}, 60), ({"temperature": 0.8, "top_p": 0.9, "seed": 1}, 60)],
)
def test_a_step_makes_few_calls_and_few_more_a_row(options: Mapping[str, Any], a_row: int) -> None:
    one, many = (calls_a_step(speaking(rows, options)) for rows in (1, 32))
    assert one <= 200
    assert (many - one) / 31 <= a_row

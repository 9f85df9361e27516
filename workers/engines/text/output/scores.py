"""Log probabilities as numbers: of a step's drawn tokens, and of a prompt's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mlx.core as mx

from workers.engines.text.sampling.sampler import Report, report
from workers.engines.text.schedule.rows import Logprob


def of(logits: Any, tokens: Sequence[int], count: int) -> list[Logprob]:
    """The log probability of each next token: logits (positions, vocabulary) for `tokens`."""
    if not tokens:
        return []
    numbers = report(logits[: len(tokens)], mx.array(list(tokens)), [count] * len(tokens))
    return list(read(numbers, [count] * len(tokens)).values())


def read(numbers: Report | None, wanted: Sequence[int | None]) -> Mapping[int, Logprob]:
    """A report's numbers by row, each with as many alternatives as it wanted."""
    if numbers is None:
        return {}
    drawn, ids, values = numbers.drawn.tolist(), numbers.ids.tolist(), numbers.values.tolist()
    return {
        row: Logprob(drawn[at], ids[at][: wanted[row]], values[at][: wanted[row]])
        for at, row in enumerate(numbers.rows)
    }

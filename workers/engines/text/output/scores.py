"""Log probabilities as numbers: of a step's drawn tokens, and of a prompt's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mlx.core as mx

from workers.engines.text.sampling.sampler import Report, report
from workers.engines.text.schedule.rows import Logprob


def of(logits: Any, tokens: Sequence[int], count: int) -> list[Logprob]:
    """What the model thought of each next token: logits (positions, vocabulary) for so many tokens."""
    if not tokens:
        return []
    found = report(logits[: len(tokens)], mx.array(list(tokens)), [count] * len(tokens))
    return list(read(found, [count] * len(tokens)).values())


def read(found: Report | None, wanted: Sequence[int | None]) -> Mapping[int, Logprob]:
    """A report's numbers by row, each with as many alternatives as it wanted."""
    if found is None:
        return {}
    drawn, ids, values = found.drawn.tolist(), found.ids.tolist(), found.values.tolist()
    return {
        row: Logprob(drawn[at], ids[at][: wanted[row]], values[at][: wanted[row]]) for at, row in enumerate(found.rows)
    }

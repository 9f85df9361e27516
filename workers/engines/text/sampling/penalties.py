"""Changes to the logits of what a row has generated before, and of the tokens that its request names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import numpy as np

if TYPE_CHECKING:
    from workers.engines.text.sampling.pick import Pick


def shaped(x: Any, picks: Sequence[Pick]) -> Any:
    """Logits (rows, vocabulary) with every row's penalties and bias; rows that have none stay as they are.

    Repetition (Keskar et al., arXiv 1909.05858) looks at the last tokens of prompt and answer; presence and frequency,
    as OpenAI defines them, at the answer alone.
    """
    rows = [row for row, pick in enumerate(picks) if pick.options.shaped]
    changes = [(row, change) for row in rows if (change := _change(picks[row], x.shape[-1]))[0].size]
    if not changes:
        return x
    width = max(tokens.size for _, (tokens, _, _) in changes)
    # Rows are filled up with their first change: doing it twice writes the same value twice.
    tokens, scale, bias = (
        mx.array(np.stack([np.pad(change[part], (0, width - change[part].size), "wrap") for _, change in changes]))
        for part in range(3)
    )
    if len(changes) == len(picks):
        return _changed(x, tokens, scale, bias)
    where = mx.array([row for row, _ in changes])
    out = mx.array(x)
    out[where] = _changed(x[where], tokens, scale, bias)
    return out


def _changed(x: Any, tokens: Any, scale: Any, bias: Any) -> Any:
    old = mx.take_along_axis(x, tokens, axis=-1)
    return mx.put_along_axis(x, tokens, mx.where(old > 0, old / scale, old * scale) + bias, axis=-1)


def _change(pick: Pick, vocabulary: int) -> tuple[Any, Any, Any]:
    """Token ids, what their logits are divided by (or multiplied, below 0), and what is added then."""
    options, answer = pick.options, np.array(pick.tokens[pick.prompt_length :], np.int64)
    generated, counts = np.unique(answer, return_counts=True)
    recent = pick.tokens[-options.repetition_context_size :] if options.repetition_context_size else ()
    named = np.array([token for token, _ in options.logit_bias if token < vocabulary], np.int64)
    repeated = np.unique(np.array(recent, np.int64)) if options.repetition_penalty != 1 else named[:0]
    penalised = generated if options.presence_penalty or options.frequency_penalty else generated[:0]
    tokens = np.unique(np.concatenate([penalised, repeated, named]))
    scale, bias = np.ones(tokens.size, np.float32), np.zeros(tokens.size, np.float32)
    scale[np.searchsorted(tokens, repeated)] = options.repetition_penalty
    if penalised.size:
        bias[np.searchsorted(tokens, generated)] -= options.presence_penalty + options.frequency_penalty * counts
    for token, value in options.logit_bias:
        if token < vocabulary:
            bias[np.searchsorted(tokens, token)] += value
    return tokens.astype(np.int32), scale, bias

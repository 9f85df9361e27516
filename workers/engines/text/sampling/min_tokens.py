"""Ends of text that must not be drawn yet: an answer has not its least tokens, or is to go on to its limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import mlx.core as mx

if TYPE_CHECKING:
    from workers.engines.text.sampling.pick import Pick


def withheld(x: Any, picks: Sequence[Pick], ends: frozenset[int]) -> Any:
    """Logits (rows, vocabulary), -inf where a row would end too early; where a grammar leaves nothing else it may."""
    barred = {row: ends_of_row for row, pick in enumerate(picks) if (ends_of_row := _barred(pick, ends, x.shape[-1]))}
    if not barred:
        return x
    width = max(map(len, barred.values()))
    # Rows are filled up with their first token: doing it twice writes the same value twice.
    tokens = mx.array([[*some, *some[:1] * (width - len(some))] for some in barred.values()], mx.int32)
    where = mx.array(list(barred))
    own = x[where]
    left = mx.put_along_axis(own, tokens, mx.full(tokens.shape, -mx.inf, own.dtype), axis=-1)
    out = mx.array(x)
    out[where] = mx.where(mx.max(left, axis=-1, keepdims=True) > -mx.inf, left, own)
    return out


def _barred(pick: Pick, ends: frozenset[int], vocabulary: int) -> list[int]:
    options = pick.options
    early = len(pick.tokens) - pick.prompt_length < options.min_tokens
    if not (early or options.ignore_eos):
        return []
    return [token for token in sorted({*ends, *(options.stop_token_ids if early else ())}) if token < vocabulary]

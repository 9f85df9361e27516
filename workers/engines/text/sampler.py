"""Draws a row's next token. Values travel as arrays: a compiled function is made anew for each constant in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx

Sampler = Callable[[Any], Any]
_COLDEST = 1e-4  # below it float32 leaves the likeliest token nothing to share, and its inverse overflows in the end


def greedy(logprobs: Any) -> Any:
    """The likeliest token of each row of (rows, vocabulary); rows that share this function share one call."""
    return mx.argmax(logprobs, axis=-1)


def sampler(temperature: float, top_p: float, seed: int) -> Sampler:
    """A sampler of one row: (1, vocabulary) log probabilities to (1,) token ids.

    The key of a draw is (seed, position), so a row draws the same whatever else is in its batch. `top_p` keeps the
    smallest set of tokens whose probability, at this temperature, reaches it (Holtzman et al., arXiv 1904.09751).
    """
    if temperature < _COLDEST:
        return greedy
    scale, bound = mx.array(1 / temperature, mx.float32), mx.array(top_p, mx.float32)
    position = 0

    def draw(logprobs: Any) -> Any:
        nonlocal position
        key = mx.array([seed & 0xFFFFFFFF, position], mx.uint32)
        position += 1
        scaled = logprobs.astype(mx.float32) * scale
        if top_p < 1:
            scaled = _nucleus(scaled, bound)
        return mx.random.categorical(scaled, key=key)

    return draw


def _nucleus(scaled: Any, bound: Any) -> Any:
    order = mx.argsort(-scaled, axis=-1)
    probabilities = mx.softmax(mx.take_along_axis(scaled, order, axis=-1), axis=-1)
    # A token stays when those before it do not reach the bound; the likeliest stays whatever the bound, also 0.
    kept = mx.cumsum(probabilities, axis=-1) - probabilities < bound
    kept[..., 0] = True
    inside = mx.put_along_axis(mx.zeros(scaled.shape, mx.bool_), order, kept, axis=-1)
    return mx.where(inside, scaled, -mx.inf)

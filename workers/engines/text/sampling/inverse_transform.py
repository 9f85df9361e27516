"""Inverse transform sampling: where a random number falls among cumulated probabilities."""

from __future__ import annotations

from typing import Any

import mlx.core as mx

_BLOCK = 64


def drawn(weights: Any, uniforms: Any) -> Any:
    """An index of each row with the odds of its weights: float32 (rows, n), none negative, to (rows, 1).

    `uniforms` are float32 (rows, 2) in [0, 1): the first chooses among blocks of 64, the second within one. A sum over
    the whole row would lose what is unlikely to rounding. Weights of 0 behind a row change nothing.
    """
    rows, n = weights.shape
    if n % _BLOCK:
        weights = mx.pad(weights, [(0, 0), (0, -n % _BLOCK)])
    blocks = weights.reshape(rows, -1, _BLOCK)
    block = _reached(mx.sum(blocks, axis=-1), uniforms[:, :1])
    return block * _BLOCK + _reached(mx.take_along_axis(blocks, block[:, :, None], axis=1)[:, 0], uniforms[:, 1:])


def _reached(weights: Any, uniform: Any) -> Any:
    """The first index at which the cumulated weights exceed `uniform` of their sum."""
    cumulated = mx.cumsum(weights, axis=-1)
    return mx.argmax(cumulated > uniform * cumulated[:, -1:], axis=-1, keepdims=True)

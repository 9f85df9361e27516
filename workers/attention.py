"""Attention on a CPU, whose exponentials numpy computes.

MLX's CPU backend takes 12 ns for one on Linux, a number at a time: a third of a prompt's prefill at 500 tokens, half of
it at 2,000. Numpy takes half a nanosecond. On a GPU nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402

_FEW = 4096  # scores of a text; fewer MLX has computed sooner. Those of others do not count: they change no answer
_PART = 262_144  # scores that numpy works on at a time, so that they stay in the processor's cache


def install() -> None:
    """Have all models of this process attend this way, if MLX computes on a CPU."""
    own = mx.fast.scaled_dot_product_attention
    if mx.default_device().type == mx.DeviceType.cpu and own.__module__ != __name__:
        mx.fast.scaled_dot_product_attention = on_a_cpu(own)


def on_a_cpu(own: Callable[..., Any]) -> Callable[..., Any]:
    """What MLX's `own` function gives for the same arguments, computed at once unless there is little to compute."""

    def scaled_dot_product_attention(
        q: Any, k: Any, v: Any, *, scale: float, mask: Any = None, sinks: Any = None, **more: Any
    ) -> Any:
        heads, queries = q.shape[1:3]
        shared, keys = k.shape[1:3]
        if sinks is not None or more or heads * queries * keys < _FEW:
            return own(q, k, v, scale=scale, mask=mask, sinks=sinks, **more)
        given = mask
        # (texts, heads of keys, heads of queries for each, queries, keys)
        grouped = mx.unflatten(q * scale, 1, (shared, heads // shared))
        scores = (grouped @ mx.expand_dims(k.swapaxes(-1, -2), 2)).astype(mx.float32)
        if isinstance(mask, str):
            mask = mx.arange(keys - queries, keys)[:, None] >= mx.arange(keys)
        if mask is not None:
            mask = mx.unflatten(mask, -3, (shared, -1)) if _by_head(mask, heads) else _for_all_heads(mask)
            lowest = mx.array(float(np.finfo(np.float32).min))
            scores = mx.where(mask, scores, lowest) if mask.dtype == mx.bool_ else scores + mask
        scores = mx.contiguous(scores)
        try:
            mx.eval(scores)
        except ValueError:  # amid `mx.compile`, which only notes down what there is to do
            return own(q, k, v, scale=scale, mask=given)
        _softmax(np.array(scores, copy=False))
        return mx.flatten(scores.astype(v.dtype) @ mx.expand_dims(v, 2), 1, 2)

    return scaled_dot_product_attention


def _by_head(mask: Any, heads: int) -> bool:
    return bool(mask.ndim > 2 and mask.shape[-3] == heads > 1)


def _for_all_heads(mask: Any) -> Any:
    return mx.expand_dims(mask, -3) if mask.ndim > 2 else mask


def _softmax(scores: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    """Over the last axis, in place; the memory is that of an array of MLX.

    Sums are float64's, so that what is padded to another length gives the same.
    """
    rows = scores.reshape(-1, scores.shape[-1])
    step = max(1, _PART // rows.shape[1])
    with np.errstate(invalid="ignore"):  # a query that sees nothing finds no number, as in MLX
        for at in range(0, len(rows), step):
            part = rows[at : at + step]
            part -= part.max(axis=-1, keepdims=True)
            np.exp(part, out=part)
            part /= part.sum(axis=-1, keepdims=True, dtype=np.float64).astype(np.float32)

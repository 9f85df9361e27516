"""The largest entries of each row, without sorting the row."""

from __future__ import annotations

from typing import Any

import mlx.core as mx

_BLOCK = 64


def largest(x: Any, count: int) -> tuple[Any, Any]:
    """The `count` largest of each row of (rows, n), largest first: values and their indices, both (rows, count).

    Among equals the lower index comes first, whatever the way to them.
    """
    rows, n = x.shape
    if count >= n:
        order = mx.argsort(-x, axis=-1)
        return mx.take_along_axis(x, order, axis=-1), order
    blocks = -(-n // _BLOCK)
    if blocks <= count:
        return _sorted(x, count)
    if n % _BLOCK:
        x = mx.pad(x, [(0, 0), (0, blocks * _BLOCK - n)], constant_values=-mx.inf)
    # The `count` blocks with the largest maxima hold them all, so only those are looked at.
    blocked = x.reshape(rows, blocks, _BLOCK)
    best = mx.argpartition(-mx.max(blocked, axis=-1), count - 1, axis=-1)[:, :count]
    best = mx.sort(best, axis=-1)
    chosen = mx.take_along_axis(blocked, best[:, :, None], axis=1).reshape(rows, -1)
    values, near = _sorted(chosen, count)
    return values, mx.take_along_axis(best, near // _BLOCK, axis=-1) * _BLOCK + near % _BLOCK


def _sorted(x: Any, count: int) -> tuple[Any, Any]:
    near = mx.sort(mx.argpartition(-x, count - 1, axis=-1)[:, :count], axis=-1)
    values = mx.take_along_axis(x, near, axis=-1)
    order = mx.argsort(-values, axis=-1)
    return mx.take_along_axis(values, order, axis=-1), mx.take_along_axis(near, order, axis=-1)

"""Logarithms and exponentials over whole vocabularies.

MLX's CPU backend computes them a number at a time on Linux (27 ms for 32 rows of 49,152), numpy sixteen at a time
(2 ms); on a GPU MLX is the fast one, and reading a value there would stop the pipeline.
"""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np

# Where arrays lie in the computer's memory anyway, numpy may look at them.
_HOST = mx.default_device().type == mx.DeviceType.cpu


def logsumexp(x: Any) -> Any:
    """log(sum(exp(x))) over the last axis, kept; float32 (rows, n) to (rows, 1)."""
    if not _HOST:
        return mx.logsumexp(x, axis=-1, keepdims=True)
    values = np.array(x, copy=False)
    most = values.max(axis=-1, keepdims=True)
    return mx.array(most + np.log(np.exp(values - most).sum(axis=-1, keepdims=True)))


def softmax(x: Any) -> Any:
    """exp(x) / sum(exp(x)) over the last axis; float32 (rows, n)."""
    if not _HOST:
        return mx.softmax(x, axis=-1)
    values = np.array(x, copy=False)
    out = np.exp(values - values.max(axis=-1, keepdims=True))
    out /= out.sum(axis=-1, keepdims=True)
    return mx.array(out)

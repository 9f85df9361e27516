"""Attention and GELU over whole windows: MLX's own on a GPU, numpy's and scipy's on a CPU.

MLX takes about 20 ns for an exp or erf of one element on a CPU, which is two thirds of an encoding; theirs are
vectorised and give the same but for the last digits.
"""

from __future__ import annotations

import numpy as np
from scipy.special import erf

from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402 - after OpenBLAS
import mlx.nn as nn  # noqa: E402


def attend_on_gpu(queries: mx.array, keys: mx.array, values: mx.array) -> mx.array:
    """What each query finds; all are (windows, heads, positions, head size)."""
    attended: mx.array = mx.fast.scaled_dot_product_attention(queries, keys, values, scale=queries.shape[-1] ** -0.5)
    return attended


def attend_on_cpu(queries: mx.array, keys: mx.array, values: mx.array) -> mx.array:
    """As `attend_on_gpu`; it computes at once."""
    mx.eval(queries, keys, values)
    q, k, v = (np.array(one, np.float32) for one in (queries, keys, values))
    weights = (q * np.float32(q.shape[-1] ** -0.5)) @ k.swapaxes(-1, -2)
    weights -= weights.max(-1, keepdims=True)
    np.exp(weights, out=weights)
    attended = weights @ v
    attended /= weights.sum(-1, keepdims=True)
    return mx.array(attended).astype(queries.dtype)


def gelu_on_gpu(x: mx.array) -> mx.array:
    """The exact GELU of every element."""
    activated: mx.array = nn.gelu(x)
    return activated


def gelu_on_cpu(x: mx.array) -> mx.array:
    """As `gelu_on_gpu`; it computes at once."""
    mx.eval(x)
    values = np.array(x, np.float32)
    values *= np.float32(0.5) * (1 + erf(values * np.float32(0.5**0.5)))
    return mx.array(values).astype(x.dtype)


METAL = mx.metal.is_available()
attend = attend_on_gpu if METAL else attend_on_cpu
gelu = gelu_on_gpu if METAL else gelu_on_cpu

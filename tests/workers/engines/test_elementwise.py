"""What stands for MLX's own functions on a CPU gives what they are, whatever the numbers are held in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import special

from workers.engines import elementwise

import mlx.core as mx  # isort: skip - after the engines' modules, which bring the BLAS library
import mlx.nn as nn  # isort: skip

RANDOM = np.random.default_rng(2)


def test_sums_and_shares_agree_with_numpy() -> None:
    x = mx.array(RANDOM.uniform(0.01, 0.99, (3, 50)).astype(np.float32))
    n = np.array(x, np.float64)
    assert np.allclose(np.array(elementwise.logsumexp(x)), np.log(np.exp(n).sum(-1, keepdims=True)), atol=1e-5)
    assert np.allclose(np.array(elementwise.softmax(x)), np.exp(n) / np.exp(n).sum(-1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize(
    ("ours", "exact"),
    [
        (elementwise.tanh, np.tanh),
        (elementwise.gelu, lambda x: x * special.ndtr(x)),
        (elementwise.gelu_approx, lambda x: 0.5 * x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3)))),
        (elementwise.silu, lambda x: x * special.expit(x)),
    ],
    ids=["tanh", "gelu", "gelu_approx", "silu"],
)
def test_activations_are_exact_but_for_the_last_digits(
    ours: Callable[[mx.array], mx.array], exact: Callable[[np.ndarray], np.ndarray]
) -> None:
    x = np.linspace(-30, 30, 60_001)
    found = np.array(ours(mx.array(x.astype(np.float32))))
    np.testing.assert_allclose(found, exact(x), rtol=2e-7, atol=5e-6)
    near = np.abs(x) < 3
    np.testing.assert_allclose(found[near], exact(x[near]), rtol=0, atol=8e-7)


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16])
@pytest.mark.parametrize("name", ["gelu", "gelu_approx", "silu"])
def test_half_precision_stays_and_loses_no_more_than_it_must(name: str, dtype: mx.Dtype) -> None:
    x = mx.array(RANDOM.normal(0, 3, 1000).astype(np.float32)).astype(dtype)
    found = getattr(elementwise, name)(x)
    assert found.dtype == dtype
    exact = getattr(nn, name)(x.astype(mx.float32))
    assert mx.allclose(found, exact.astype(dtype), rtol=0.01, atol=1e-3)

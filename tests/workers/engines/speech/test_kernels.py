"""What is computed on a CPU is what a GPU's kernels would compute."""

from __future__ import annotations

import numpy as np
import pytest

from workers.engines.speech import kernels

import mlx.core as mx  # isort: skip - after the kernels, which bring OpenBLAS


@pytest.mark.parametrize("dtype", [mx.float32, mx.float16])
def test_both_ways_agree(dtype: mx.Dtype) -> None:
    mx.random.seed(0)
    queries, keys, values = (mx.random.normal((2, 3, 40, 16)).astype(dtype) for _ in range(3))
    x = (mx.random.normal((2, 40, 16)) * 4).astype(dtype)
    tolerance = 1e-5 if dtype == mx.float32 else 1e-2
    for ours, theirs in (
        (kernels.attend_on_cpu(queries, keys, values), kernels.attend_on_gpu(queries, keys, values)),
        (kernels.gelu_on_cpu(x), kernels.gelu_on_gpu(x)),
    ):
        assert ours.dtype == dtype
        np.testing.assert_allclose(np.array(ours, np.float32), np.array(theirs, np.float32), atol=tolerance)

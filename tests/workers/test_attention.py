"""A CPU's attention is MLX's own, whatever the heads, the mask and the numbers are held in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from workers import attention, blas

blas.preload()

import mlx.core as mx  # noqa: E402

OWN = mx.fast.scaled_dot_product_attention
RANDOM = np.random.default_rng(3)
QUERIES, KEYS = 40, 70


def normal(*shape: int, dtype: mx.Dtype = mx.float32) -> mx.array:
    return mx.array(RANDOM.normal(0, 1, shape).astype(np.float32)).astype(dtype)


def seen(*shape: int) -> mx.array:
    """What is seen at random, and always the first key."""
    return mx.array(RANDOM.random(shape) < 0.6).at[..., 0].add(mx.array(True))


MASKS: dict[str, Any] = {
    "none": None,
    "causal": "causal",
    "padding": seen(2, 1, 1, KEYS),
    "of all texts": seen(QUERIES, KEYS),
    "of a head": seen(2, 6, QUERIES, KEYS),
    "added": normal(1, 1, QUERIES, KEYS),
    "added to a head": normal(6, QUERIES, KEYS),
}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("shared", [6, 3, 1])
def test_it_is_that_of_mlx(mask: str, shared: int) -> None:
    q, k, v = normal(2, 6, QUERIES, 16), normal(2, shared, KEYS, 16), normal(2, shared, KEYS, 16)
    called: list[Any] = []
    ours = attention.on_a_cpu(lambda *args, **named: called.append(args))
    found = ours(q, k, v, scale=0.25, mask=MASKS[mask])
    assert not called  # it is ours that computed it
    np.testing.assert_allclose(np.array(found), np.array(OWN(q, k, v, scale=0.25, mask=MASKS[mask])), atol=2e-6)


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16])
def test_half_precision_stays(dtype: mx.Dtype) -> None:
    q, k, v = (normal(2, 6, QUERIES, 16, dtype=dtype) for _ in "qkv")
    found = attention.on_a_cpu(OWN)(q, k, v, scale=0.25, mask="causal")
    assert found.dtype == dtype
    assert mx.allclose(found, OWN(q, k, v, scale=0.25, mask="causal"), atol=2e-2)


def test_a_query_that_sees_nothing_breaks_no_other() -> None:
    q, k, v = (normal(1, 6, QUERIES, 16), normal(1, 6, KEYS, 16), normal(1, 6, KEYS, 16))
    mask = mx.array([True] * QUERIES).at[3].multiply(mx.array(False))[:, None] & mx.ones((QUERIES, KEYS), mx.bool_)
    for each in (mask, mx.where(mask, 0.0, -mx.inf)):
        found = attention.on_a_cpu(OWN)(q, k, v, scale=0.25, mask=each)
        np.testing.assert_allclose(np.array(found), np.array(OWN(q, k, v, scale=0.25, mask=each)), atol=2e-6)


def test_what_is_small_or_has_sinks_is_left_to_mlx() -> None:
    called: list[dict[str, Any]] = []
    ours = attention.on_a_cpu(lambda *_, **named: called.append(named))
    ours(normal(1, 6, 1, 16), normal(1, 6, KEYS, 16), normal(1, 6, KEYS, 16), scale=0.25)
    q, k, v = normal(2, 6, QUERIES, 16), normal(2, 6, KEYS, 16), normal(2, 6, KEYS, 16)
    ours(q, k, v, scale=0.25, sinks=mx.zeros(6))
    assert [named["sinks"] is None for named in called] == [True, False]


def test_a_compiled_function_has_that_of_mlx() -> None:
    q, k, v = normal(1, 6, QUERIES, 16), normal(1, 3, KEYS, 16), normal(1, 3, KEYS, 16)
    ours = attention.on_a_cpu(OWN)
    compiled = mx.compile(lambda q, k, v: ours(q, k, v, scale=0.25, mask="causal") * 2)
    assert mx.allclose(compiled(q, k, v), 2 * OWN(q, k, v, scale=0.25, mask="causal"), atol=4e-6)


@pytest.mark.skipif(mx.default_device().type != mx.DeviceType.cpu, reason="a GPU keeps MLX's own")
def test_it_is_installed_for_all_models_of_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mx.fast, "scaled_dot_product_attention", OWN)
    attention.install()
    q, k, v = (normal(1, 6, QUERIES, 16) for _ in "qkv")
    installed = mx.fast.scaled_dot_product_attention
    attention.install()
    assert mx.fast.scaled_dot_product_attention is installed is not OWN
    assert mx.allclose(mx.fast.scaled_dot_product_attention(q, k, v, scale=0.25), OWN(q, k, v, scale=0.25), atol=2e-6)


def test_what_a_text_is_padded_to_changes_nothing() -> None:
    for length, padding in ((31, 1), (40, 9), (57, 30)):
        q, k, v = normal(1, 6, length, 16), normal(1, 3, length, 16), normal(1, 3, length, 16)
        alone = attention.on_a_cpu(OWN)(q, k, v, scale=0.25, mask="causal")
        wide = [mx.pad(each, ((0, 0), (0, 0), (padding, 0), (0, 0))) for each in (q, k, v)]
        mask = mx.tril(mx.ones((length + padding, length + padding), mx.bool_)) & (
            mx.arange(length + padding) >= padding
        )
        found = attention.on_a_cpu(OWN)(*wide, scale=0.25, mask=mask)
        assert mx.array_equal(found[:, :, padding:], alone)

"""Noise that belongs to its place: the same whoever is beside it, and never infinite."""

from __future__ import annotations

import numpy as np
import pytest

from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402

from workers.engines.text.sampling import noise  # noqa: E402


def numbers(key: int, tokens: int = 1 << 20) -> np.ndarray:
    return np.array(noise.uniform(mx.array([[key]], mx.uint32), mx.arange(tokens)[None]))[0]


def test_keys_differ_by_seed_choice_and_position() -> None:
    keys = {noise.key(seed, choice, at) for seed in (0, 1, -1, 2**40) for choice in range(8) for at in range(200)}
    assert len(keys) == 4 * 8 * 200


def test_numbers_are_uniform_and_never_1() -> None:
    found = np.concatenate([numbers(noise.key(7, 0, at)) for at in range(40)])
    assert found.min() >= 0 and found.max() < 1
    assert found.mean() == pytest.approx(0.5, abs=1e-3)
    assert np.histogram(found, 10, (0, 1))[0] / len(found) == pytest.approx(np.full(10, 0.1), abs=1e-3)


def test_gumbel_noise_has_its_mean_and_is_finite() -> None:
    keys = mx.array([[noise.key(1, 0, at)] for at in range(8)], mx.uint32)
    found = np.array(noise.gumbel(keys, mx.broadcast_to(mx.arange(1 << 20)[None], (8, 1 << 20))))
    assert np.isfinite(found).all()
    assert found.mean() == pytest.approx(np.euler_gamma, abs=1e-2)


def test_a_token_s_number_is_the_same_among_few_and_many() -> None:
    few = np.array(noise.uniform(mx.array([[5]], mx.uint32), mx.array([[17, 3]])))[0]
    assert few.tolist() == numbers(5, 32)[[17, 3]].tolist()

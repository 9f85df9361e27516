"""Draws by inverse transform sampling come as often as they weigh."""

from __future__ import annotations

import numpy as np
import pytest

from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402

from workers.engines.text.sampling.inverse_transform import drawn  # noqa: E402

LAST = 1 - 2.0**-23  # the largest number that may come


def draw(weights: list[float], uniforms: list[tuple[float, float]]) -> list[int]:
    rows = mx.broadcast_to(mx.array([weights], mx.float32), (len(uniforms), len(weights)))
    return [int(index) for index in np.array(drawn(rows, mx.array(uniforms, mx.float32)))[:, 0]]


@pytest.mark.parametrize("length", [1, 3, 64, 65, 1000])
def test_indices_come_as_often_as_they_weigh(length: int) -> None:
    generator = np.random.default_rng(length)
    weights = generator.random(length) ** 4
    uniforms = [(float(a), float(b)) for a, b in np.minimum(generator.random((20_000, 2)), LAST)]
    found = np.bincount(draw(weights.tolist(), uniforms), minlength=length) / 20_000
    assert np.abs(found - weights / weights.sum()).max() < 0.012


@pytest.mark.parametrize("numbers", [(0.0, 0.0), (LAST, LAST), (0.0, LAST), (LAST, 0.0)])
@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1.0, 3.3, 1e30])
def test_what_weighs_nothing_is_never_drawn(numbers: tuple[float, float], scale: float) -> None:
    weights = [0.0] * 300
    for index in (70, 71, 130, 250):
        weights[index] = scale
    assert draw(weights, [numbers])[0] in (70, 71, 130, 250)


def test_what_is_unlikely_is_not_lost_beside_what_is_likely() -> None:
    weights = [1.0] * 64 + [1e-8] * 64_000  # which a float32 sum of one after the other would not notice
    uniforms = [(LAST, float(at) / 2000) for at in range(2000)]
    assert len(set(draw(weights, uniforms))) > 50


def test_nothing_behind_a_row_changes_a_draw() -> None:
    generator = np.random.default_rng(3)
    weights = generator.random(100).tolist()
    uniforms = [(float(a), float(b)) for a, b in generator.random((500, 2))]
    assert draw(weights, uniforms) == draw([*weights, *[0.0] * 900], uniforms)

"""Draws follow temperature and top_p, and depend on seed and position alone."""

from __future__ import annotations

import pytest

from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402

from workers.engines.text.sampler import greedy, sampler  # noqa: E402

PROBABILITIES = [0.5, 0.3, 0.15, 0.05]


def draws(temperature: float, top_p: float, number: int = 400, seed: int = 7) -> list[int]:
    draw = sampler(temperature, top_p, seed)
    logprobs = mx.log(mx.array([PROBABILITIES]))
    return [int(draw(logprobs).item()) for _ in range(number)]


def share(drawn: list[int], token: int) -> float:
    return drawn.count(token) / len(drawn)


def test_temperature_zero_is_the_likeliest_and_one_call_for_all_rows() -> None:
    assert sampler(0, 1, 1) is greedy
    assert greedy(mx.log(mx.array([PROBABILITIES, PROBABILITIES[::-1]]))).tolist() == [0, 3]


def test_at_temperature_one_tokens_come_as_often_as_they_are_likely() -> None:
    drawn = draws(1, 1)
    assert [share(drawn, token) for token in range(4)] == pytest.approx(PROBABILITIES, abs=0.08)


def test_a_low_temperature_sharpens() -> None:
    assert share(draws(0.5, 1), 0) > 0.6


@pytest.mark.parametrize(("top_p", "tokens"), [(0.4, {0}), (0.6, {0, 1}), (0.94, {0, 1, 2})])
def test_top_p_keeps_the_smallest_set_that_reaches_it(top_p: float, tokens: set[int]) -> None:
    assert set(draws(1, top_p)) == tokens


@pytest.mark.parametrize(("temperature", "top_p"), [(1, 0.0), (1, 1e-9), (1e-45, 1.0), (1e-5, 0.5)])
def test_a_bound_or_temperature_near_zero_is_the_likeliest(temperature: float, top_p: float) -> None:
    assert set(draws(temperature, top_p, 40)) == {0}


def test_a_flat_distribution_keeps_whole_tokens_up_to_top_p() -> None:
    draw = sampler(1, 0.5, 3)
    flat = mx.log(mx.full((1, 4), 0.25))
    assert len({int(draw(flat).item()) for _ in range(100)}) == 2


def test_top_p_is_applied_at_the_temperature() -> None:
    assert set(draws(0.25, 0.9)) == {0, 1}  # 0.5⁴ and 0.3⁴ hold 99 % there


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    assert draws(1, 0.9, 50, seed=3) == draws(1, 0.9, 50, seed=3)
    assert draws(1, 0.9, 50, seed=3) != draws(1, 0.9, 50, seed=4)

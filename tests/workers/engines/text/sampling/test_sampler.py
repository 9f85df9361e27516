"""Draws follow the settings, and depend on seed, choice and position alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402

from tasks.values.requests import Sampling  # noqa: E402
from workers.engines.text.sampling.candidates import largest  # noqa: E402
from workers.engines.text.sampling.options import Defaults, options  # noqa: E402
from workers.engines.text.sampling.pick import Pick  # noqa: E402
from workers.engines.text.sampling.sampler import Sampler, report  # noqa: E402

PROBABILITIES = [0.5, 0.3, 0.15, 0.05]
LOGITS = [math.log(p) for p in PROBABILITIES]


def pick(position: int = 0, seed: int = 7, choice: int = 0, prompt: tuple[int, ...] = (), **asked: Any) -> Pick:
    """A row that has generated token 0 `position` times, unless `generated` names its tokens."""
    generated = asked.pop("generated", (0,) * position)
    chosen = options(Sampling(**{"temperature": 1.0, **asked}), Defaults(), seed, choice)
    return Pick(chosen, len(prompt), [*prompt, *generated])


def draws(number: int = 400, seed: int = 7, logits: list[float] = LOGITS, **asked: Any) -> list[int]:
    picks = [pick(position, seed, **asked) for position in range(number)]
    return [int(token) for token in Sampler([3]).draw(mx.array([logits] * number), picks).tolist()]


def share(drawn: list[int], token: int) -> float:
    return drawn.count(token) / len(drawn)


def test_temperature_zero_is_the_likeliest() -> None:
    both = mx.array([LOGITS, LOGITS[::-1]])
    assert Sampler([]).draw(both, [pick(temperature=0.0)] * 2).tolist() == [0, 3]


def test_at_temperature_one_tokens_come_as_often_as_they_are_likely() -> None:
    drawn = draws(4000)
    assert [share(drawn, token) for token in range(4)] == pytest.approx(PROBABILITIES, abs=0.03)


def test_a_low_temperature_sharpens() -> None:
    assert share(draws(temperature=0.5), 0) > 0.6


@pytest.mark.parametrize(
    ("asked", "tokens"),
    [
        ({"top_p": 0.4}, {0}),
        ({"top_p": 0.6}, {0, 1}),
        ({"top_p": 0.94}, {0, 1, 2}),
        ({"top_p": 0.9, "temperature": 0.25}, {0, 1}),  # 0.5⁴ and 0.3⁴ hold 99 % there
        ({"top_p": 1e-9}, {0}),
        ({"temperature": 1e-45}, {0}),
        ({"temperature": 1e-5, "top_p": 0.5}, {0}),
        ({"top_k": 1}, {0}),
        ({"top_k": 2}, {0, 1}),
        ({"top_k": 3, "top_p": 0.6}, {0, 1}),
        ({"top_k": 99}, {0, 1, 2, 3}),
        ({"top_k": 1000}, {0, 1, 2, 3}),
        ({"min_p": 0.5}, {0, 1}),
        ({"min_p": 0.2, "top_k": 2}, {0, 1}),
        ({"min_p": 1.0}, {0}),
        ({"xtc_probability": 1.0, "xtc_threshold": 0.1}, {2, 3}),
        ({"xtc_probability": 1.0, "xtc_threshold": 0.25}, {1, 2, 3}),
        ({"xtc_probability": 1.0, "xtc_threshold": 0.5}, {0, 1, 2, 3}),
        ({"xtc_probability": 1.0, "xtc_threshold": 0.0}, {3}),
        ({"logit_bias": ((0, -100.0), (9, 5.0))}, {1, 2, 3}),
        ({"logit_bias": ((3, 100.0),)}, {3}),
    ],
)
def test_what_may_be_drawn(asked: dict[str, Any], tokens: set[int]) -> None:
    assert set(draws(**asked)) == tokens


def test_xtc_strikes_as_often_as_it_should() -> None:
    assert share(draws(2000, xtc_probability=0.5, xtc_threshold=0.1), 0) == pytest.approx(0.25, abs=0.04)


def test_xtc_spares_line_ends() -> None:
    assert 3 in draws(logits=LOGITS[::-1], xtc_probability=1.0, xtc_threshold=0.04)


def test_a_flat_distribution_keeps_whole_tokens_up_to_top_p() -> None:
    assert len(set(draws(100, logits=[0.0] * 4, top_p=0.5))) == 2


@pytest.mark.parametrize("top_p", [0.3, 0.8, 0.95, 0.999])
def test_a_nucleus_of_a_large_vocabulary_is_the_one_of_a_full_sort(top_p: float) -> None:
    generator = np.random.default_rng(5)
    for scale in (0.1, 1.0, 4.0):
        row = (generator.standard_normal(3000) * scale).astype(np.float32)
        likely = np.exp(row - row.max())
        order = np.argsort(-likely)
        cumulated = np.cumsum(likely[order] / likely.sum())
        nucleus = {int(token) for token in order[: int(np.searchsorted(cumulated, top_p * (1 + 1e-6))) + 1]}
        assert set(draws(200, logits=row.tolist(), top_p=top_p)) <= nucleus


def test_the_same_token_wins_among_few_candidates_and_among_many() -> None:
    row = (np.random.default_rng(6).standard_normal(3000) * 6).tolist()
    many = draws(200, logits=row, top_k=2999)
    for asked in ({"top_k": 256}, {"top_p": 0.99999}, {"top_k": 257}):
        assert share([int(a == b) for a, b in zip(many, draws(200, logits=row, **asked), strict=True)], 1) > 0.98


def test_a_penalty_counts_the_answer_and_repetition_the_prompt_as_well() -> None:
    flat = mx.zeros((1, 4)) + 1.0

    def after(generated: tuple[int, ...], prompt: tuple[int, ...] = (), **asked: Any) -> int:
        row = pick(generated=generated, prompt=prompt, temperature=0.0, **asked)
        return int(Sampler([]).draw(flat, [row]).item())

    assert after((), (0, 1), presence_penalty=1.0) == 0
    assert after((0, 1), presence_penalty=1.0) == 2
    assert after((0, 0, 1, 2, 3), frequency_penalty=1.0) == 1
    assert after((), (0, 1), repetition_penalty=2.0) == 2
    assert after((), (0, 1, 2, 3), repetition_penalty=2.0, repetition_context_size=3) == 0
    assert after((0,), presence_penalty=-1.0) == 0
    assert after((), (0, 1), repetition_penalty=2.0, repetition_context_size=0) == 0


def test_the_same_seed_draws_the_same_and_another_seed_or_choice_does_not() -> None:
    assert draws(50, seed=3) == draws(50, seed=3)
    assert draws(50, seed=3) != draws(50, seed=4)
    assert draws(50, seed=3) != draws(50, seed=3 + 2**32)
    assert draws(50, seed=-3) != draws(50, seed=3)
    assert (
        Sampler([]).draw(mx.zeros((1, 999)), [pick(choice=0)]).item()
        != Sampler([]).draw(mx.zeros((1, 999)), [pick(choice=1)]).item()
    )


def test_company_changes_nothing() -> None:
    rows = [
        pick(3, temperature=0.0),
        pick(1, 11, top_p=0.9),
        pick(5, 12, top_k=3),
        pick(2, 13),
        pick(4, 14, top_p=0.9, repetition_penalty=1.3, generated=(1, 2, 3, 4)),
        pick(0, 15, temperature=1.7, top_p=0.99),
        pick(6, 16, min_p=0.1, presence_penalty=0.5),
    ]
    logits = mx.array(np.random.default_rng(8).standard_normal((len(rows), 2000)).astype(np.float32) * 3)
    sampler = Sampler([0])
    alone = [int(sampler.draw(logits[row : row + 1], [one]).item()) for row, one in enumerate(rows)]
    assert sampler.draw(logits, rows).tolist() == alone
    assert sampler.draw(logits[::-1], rows[::-1]).tolist() == alone[::-1]


@pytest.mark.parametrize(("vocabulary", "count"), [(10, 4), (10, 40), (64 * 5, 5), (64 * 50 + 7, 20), (1000, 16)])
def test_the_largest_are_found_without_a_sort(vocabulary: int, count: int) -> None:
    x = np.random.default_rng(1).standard_normal((3, vocabulary)).astype(np.float32)
    values, indices = largest(mx.array(x), count)
    expected = -np.sort(-x, axis=-1)[:, :count]
    assert np.array_equal(np.array(values), expected)
    assert np.array_equal(np.take_along_axis(x, np.array(indices).astype(np.int64), axis=-1), expected)


def test_a_report_tells_the_models_own_log_probabilities() -> None:
    found = report(mx.array([LOGITS] * 3), mx.array([3, 0, 1]), [None, 2, 0])
    assert found is not None and found.rows == [1, 2]
    assert found.drawn.tolist() == pytest.approx([math.log(0.5), math.log(0.3)], abs=1e-5)
    assert found.ids[0].tolist()[:2] == [0, 1]
    assert found.values[0].tolist()[:2] == pytest.approx(LOGITS[:2], abs=1e-5)
    assert report(mx.array([LOGITS]), mx.array([0]), [None]) is None

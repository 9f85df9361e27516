"""A row does not end before it may; other rows, and one whose grammar has come to its end, do."""

from __future__ import annotations

from typing import Any

import pytest

from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402

from tests.workers.engines.text.sampling.test_sampler import pick  # noqa: E402
from workers.engines.text.sampling.min_tokens import withheld  # noqa: E402
from workers.engines.text.sampling.sampler import Sampler  # noqa: E402

ENDS, STOP = 3, 2


@pytest.mark.parametrize(
    ("generated", "asked", "drawn"),
    [
        (0, {}, ENDS),
        (0, {"min_tokens": 1}, STOP),
        (0, {"min_tokens": 1, "stop_token_ids": (STOP,)}, 1),
        (1, {"min_tokens": 2, "stop_token_ids": (STOP, 99)}, 1),
        (2, {"min_tokens": 2, "stop_token_ids": (STOP,)}, ENDS),
        (9, {"ignore_eos": True}, STOP),
        (9, {"ignore_eos": True, "stop_token_ids": (STOP,)}, STOP),
    ],
)
def test_what_may_be_drawn(generated: int, asked: dict[str, Any], drawn: int) -> None:
    logits = mx.array([[0.0, 1.0, 2.0, 3.0]] * 2)
    picks = [pick(generated, temperature=0.0, **asked), pick(generated, temperature=0.0)]
    assert Sampler([ENDS]).draw(logits, picks).tolist() == [drawn, ENDS]
    assert Sampler([ENDS]).draw(logits, picks[::-1]).tolist() == [ENDS, drawn]


def test_where_nothing_else_is_left_it_ends() -> None:
    logits = mx.array([[-mx.inf, -mx.inf, -mx.inf, 3.0]])
    assert withheld(logits, [pick(ignore_eos=True)], frozenset({ENDS})).tolist() == logits.tolist()

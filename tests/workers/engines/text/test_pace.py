"""Prefill is cut so that a step keeps to its time, whatever the machine."""

from __future__ import annotations

import pytest

from workers.engines.text.pace import Pace


def settled(tokens_per_second: float, prompts: int = 1, most: int = 2048) -> int:
    pace = Pace(most, target=0.15)
    for _ in range(30):
        chunk = pace.chunk(prompts) * prompts
        pace.took(chunk / tokens_per_second, chunk)
    return pace.chunk(prompts)


@pytest.mark.parametrize(("rate", "chunk"), [(200, 30), (2000, 300)])
def test_a_piece_takes_the_time_it_may(rate: float, chunk: int) -> None:
    assert settled(rate) == pytest.approx(chunk, rel=0.1)


def test_several_prompts_share_the_time_of_one() -> None:
    assert settled(2000, prompts=4) == pytest.approx(75, rel=0.1)


def test_a_piece_is_bounded_and_never_nothing() -> None:
    assert settled(1_000_000, most=512) == 512
    assert settled(1) == 8


def test_what_decoding_costs_is_not_counted_as_prefill() -> None:
    pace = Pace(2048, target=0.15)
    for _ in range(30):
        pace.took(0.1, 0)
        chunk = pace.chunk(1)
        pace.took(0.1 + chunk / 1000, chunk)
    assert pace.chunk(1) == pytest.approx(150, rel=0.1)

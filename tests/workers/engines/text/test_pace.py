"""Prefill is cut so that a step keeps to its time, whatever the machine."""

from __future__ import annotations

import pytest

from workers.engines.text.pace import Pace


def settled(rate: float, prompts: int = 1, most: int = 2048, rows: int = 0, decode: float = 0.0) -> int:
    """The piece of a prompt after thirty steps on a machine of this rate, in tokens a second."""
    pace = Pace(most, target=0.2)
    if rows:
        pace.decoded(decode, rows)
    for _ in range(30):
        tokens = pace.chunk(prompts) * prompts
        pace.prefilled(decode + tokens / rate, tokens, rows)
    return pace.chunk(prompts)


@pytest.mark.parametrize(("rate", "chunk"), [(200, 40), (2000, 400)])
def test_a_piece_takes_the_time_it_may(rate: float, chunk: int) -> None:
    assert settled(rate) == pytest.approx(chunk, rel=0.1)


def test_several_prompts_share_the_time_of_one() -> None:
    assert settled(2000, prompts=4) == pytest.approx(100, rel=0.1)


def test_many_prompts_on_a_slow_machine_do_not_multiply_the_step() -> None:
    assert settled(80, prompts=8) == 2
    assert settled(1, prompts=8) == 2


def test_a_piece_is_bounded_and_never_nothing() -> None:
    assert settled(1_000_000, most=512) == 512
    assert settled(1) == 16
    assert settled(1_000_000, most=4) == 4


def test_decoding_and_prefill_share_a_step() -> None:
    assert settled(1000, rows=4, decode=0.05) == pytest.approx(150, rel=0.1)


def test_prompts_advance_beside_a_batch_that_takes_the_whole_step() -> None:
    assert settled(1000, rows=32, decode=0.3) == pytest.approx(200, rel=0.1)
    assert settled(1000, rows=1, decode=0.09) == pytest.approx(180, rel=0.1)


def test_short_prompts_do_not_let_a_long_one_have_more() -> None:
    pace = Pace(2048)
    before = pace.chunk(1)
    for _ in range(20):
        pace.prefilled(0.001, before // 3, 0)
    assert pace.chunk(1) == before


def test_one_step_at_most_doubles_or_halves_a_piece() -> None:
    pace = Pace(2048)
    first = pace.chunk(1)
    pace.prefilled(0.001, first, 0)
    assert pace.chunk(1) == 2 * first
    pace.prefilled(60.0, 2 * first, 0)
    assert pace.chunk(1) == first


def test_a_batch_that_has_grown_since_decoding_was_measured_makes_no_piece_longer() -> None:
    pace = Pace(2048, target=0.2)
    pace.decoded(0.3, 32)
    for _ in range(30):
        tokens = pace.chunk(1)
        pace.prefilled(0.05 + tokens / 1000, tokens, 8)  # decoding takes far less than was measured
    assert pace.chunk(1) <= 200


def test_a_share_of_a_piece_is_smaller_but_worth_a_pass() -> None:
    pace = Pace(2048, target=0.2)
    for _ in range(30):
        tokens = pace.chunk(1)
        pace.prefilled(tokens / 2000, tokens, 0)
    assert pace.chunk(1, 0.25) == pytest.approx(pace.chunk(1) / 4, abs=1)
    assert pace.chunk(1, 0.01) == 16

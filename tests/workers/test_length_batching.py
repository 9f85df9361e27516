"""Which inputs are computed together: those of like length."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.length_batching import PASS, _together

MOST = 2000


def test_inputs_of_one_length_go_together_up_to_the_bound() -> None:
    assert _together([10] * 50, 30, MOST) == (0, 49)
    low, high = _together([10] * 500, 30, MOST)
    assert high - low + 1 == MOST // 10 and low <= 30 <= high


def test_short_texts_are_not_padded_to_a_long_one() -> None:
    assert _together([20] * 9 + [400], 0, 10_000) == (0, 8)
    assert _together([20] * 9 + [400], 9, 10_000) == (9, 9)


def test_a_few_short_texts_share_a_pass_however_their_lengths_differ() -> None:
    assert _together([2, 5, 9, 12], 1, MOST) == (0, 3)


def test_one_that_is_longer_than_the_bound_goes_alone() -> None:
    assert _together([5, 4000, 4000], 1, MOST) == (1, 1)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=40).map(sorted), st.data())
def test_padding_is_cheaper_than_a_pass_more(lengths: list[int], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(lengths) - 1))
    low, high = _together(lengths, at, MOST)
    size = (high - low + 1) * lengths[high]
    assert low <= at <= high and (low == high or size <= MOST) and size - sum(lengths[low : high + 1]) <= PASS

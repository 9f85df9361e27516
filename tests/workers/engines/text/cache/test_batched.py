"""Batches of rows' caches hold what mlx-lm's do: merged, padded, joined, and taken out again."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import pytest

from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402 - after OpenBLAS
from mlx_lm.models.cache import BatchKVCache, KVCache  # noqa: E402

from workers.engines.text.cache import batched  # noqa: E402


def row(length: int) -> KVCache:
    """A row's cache of so many random tokens."""
    cache = KVCache()
    if length:
        keys, values = mx.random.normal((1, 2, length, 4)), mx.random.normal((1, 2, length, 3))
        cache.update_and_fetch(keys, values)  # type: ignore[no-untyped-call]
    return cache


def rows(batch: BatchKVCache) -> list[Any]:
    """What each row of a batch holds, and where it goes on."""
    offsets = batch.offset.tolist()
    own = [batched.extracted([batch], at)[0] for at in range(len(offsets))]
    return [(offset, one.keys.tolist(), one.values.tolist()) for offset, one in zip(offsets, own, strict=True)]


def fed(batch: BatchKVCache, count: int, padding: Sequence[int] = ()) -> BatchKVCache:
    """The batch once each row was given so many tokens, of which some are padding."""
    mx.random.seed(count)
    if padding:
        lengths = [count - pad for pad in padding]
        batch.prepare(lengths=lengths, right_padding=list(padding))  # type: ignore[no-untyped-call]
    shape = (len(batch.offset), 2, count)
    batch.update_and_fetch(mx.random.normal((*shape, 4)), mx.random.normal((*shape, 3)))  # type: ignore[no-untyped-call]
    return batch


def test_a_layer_that_remembers_nothing_is_padded_merged_and_taken_out_again() -> None:
    batch = batched.merged([[KVCache()], [KVCache()]])
    batch[0].prepare(lengths=[2, 1], right_padding=[0, 1])
    batched.finalise(batch)
    (row,) = batched.extracted(batch, 1)
    assert row.empty() and row.offset == 0


@pytest.mark.parametrize("lengths", [[0, 0, 0], [5, 5, 5], [9, 0, 3], [300, 40, 299]])
@pytest.mark.parametrize("padding", [[], [0, 0, 0], [0, 7, 2], [8, 0, 8]])
def test_rows_padded_behind_hold_what_they_were_given(lengths: list[int], padding: list[int]) -> None:
    ours = fed(batched.merged([[row(length)] for length in lengths])[0], 9, padding)
    theirs = deepcopy(ours)
    theirs.finalize()  # type: ignore[no-untyped-call]
    batched.finalise([ours])
    assert rows(ours) == rows(theirs)
    assert rows(fed(ours, 70)) == rows(fed(theirs, 70))  # and go on, beyond what there is room for


@pytest.mark.parametrize("first", [[0], [1], [5, 30], [300, 2, 299]])
@pytest.mark.parametrize("second", [[0, 0], [7], [40, 260]])
def test_batches_that_are_joined_hold_the_rows_of_both(first: list[int], second: list[int]) -> None:
    ours, others = (batched.merged([[row(length)] for length in lengths])[0] for lengths in (first, second))
    theirs = deepcopy(ours)
    theirs.extend(others)  # type: ignore[no-untyped-call]
    batched.extend([ours], [others])
    assert rows(fed(ours, 1)) == rows(fed(theirs, 1))
    assert rows(fed(ours, 300)) == rows(fed(theirs, 300))


@pytest.mark.parametrize(("length", "room"), [(1, 64), (40, 64), (100, 100), (256, 256), (2000, 256)])
def test_a_batch_has_room_for_as_much_again_within_bounds(length: int, room: int) -> None:
    (batch,) = batched.merged([[row(length)], [row(1)]])
    assert batch.keys.shape[2] == length + room
    batched.extend([batch], batched.merged([[row(1)]]))
    assert batch.keys.shape == (3, 2, length + room, 4)

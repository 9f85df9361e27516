"""Which rows share a batch, and what becomes of caches that mlx-lm knows nothing of."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import pytest

from tasks.values.requests import CompletionRequest
from tests.workers.engines.rows import job, texts
from tests.workers.engines.text import tiny

import mlx.core as mx  # isort: skip
from mlx_lm.models import llama  # isort: skip
from mlx_lm.models.cache import BatchKVCache, KVCache  # isort: skip

from workers.engines.text.cache import kv

JOBS = [job(CompletionRequest((tuple(range(at, at + 9 * at)),), temperature=0.0, max_tokens=6)) for at in (1, 3, 5)]


class OneRow(llama.Model):
    """A Llama whose code is for one row."""

    def __call__(self, inputs: Any, *more: Any, **named: Any) -> Any:
        if inputs.shape[0] > 1:
            raise ValueError("one row only")
        return super().__call__(inputs, *more, **named)


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
    own = [kv.extracted([batch], at)[0] for at in range(len(offsets))]
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


class OwnCache:
    """A cache of an architecture's own kind: it says nothing of a state that it could be made of again."""

    def __init__(self) -> None:
        self.seen, self.parts = mx.zeros((1, 2)), [mx.zeros((1,)), None]


def test_rows_take_turns_where_a_trial_of_two_fails() -> None:
    usual, alone = tiny.model(), tiny.model()
    alone.__class__ = OneRow
    assert kv.Kv(usual).obstacle is None
    assert kv.Kv(alone).obstacle == "its code is for one row (one row only)"
    assert texts(tiny.engine(alone), JOBS) == texts(tiny.engine(usual), JOBS)


def test_a_copy_of_a_cache_of_any_kind_is_written_to_alone() -> None:
    own = OwnCache()
    (copy,) = kv.copied([own])
    copy.seen[:] = 1
    copy.parts[0][:] = 1
    assert own.seen.sum().item() == own.parts[0].sum().item() == 0  # type: ignore[union-attr]
    assert copy.seen.sum().item() == 2 and copy.parts[1] is None


def test_a_layer_that_remembers_nothing_is_padded_merged_and_taken_out_again() -> None:
    batch = kv.merged([[KVCache()], [KVCache()]])
    batch[0].prepare(lengths=[2, 1], right_padding=[0, 1])
    kv.finalise(batch)
    (row,) = kv.extracted(batch, 1)
    assert row.empty() and row.offset == 0


@pytest.mark.parametrize("lengths", [[0, 0, 0], [5, 5, 5], [9, 0, 3], [300, 40, 299]])
@pytest.mark.parametrize("padding", [[], [0, 0, 0], [0, 7, 2], [8, 0, 8]])
def test_rows_padded_behind_hold_what_they_were_given(lengths: list[int], padding: list[int]) -> None:
    ours = fed(kv.merged([[row(length)] for length in lengths])[0], 9, padding)
    theirs = deepcopy(ours)
    theirs.finalize()  # type: ignore[no-untyped-call]
    kv.finalise([ours])
    assert rows(ours) == rows(theirs)
    assert rows(fed(ours, 70)) == rows(fed(theirs, 70))  # and go on, beyond what there is room for


@pytest.mark.parametrize("first", [[0], [1], [5, 30], [300, 2, 299]])
@pytest.mark.parametrize("second", [[0, 0], [7], [40, 260]])
def test_batches_that_are_joined_hold_the_rows_of_both(first: list[int], second: list[int]) -> None:
    ours, others = (kv.merged([[row(length)] for length in lengths])[0] for lengths in (first, second))
    theirs = deepcopy(ours)
    theirs.extend(others)  # type: ignore[no-untyped-call]
    kv.extend([ours], [others])
    assert rows(fed(ours, 1)) == rows(fed(theirs, 1))
    assert rows(fed(ours, 300)) == rows(fed(theirs, 300))


@pytest.mark.parametrize(("length", "room"), [(1, 64), (40, 64), (100, 100), (256, 256), (2000, 256)])
def test_a_batch_has_room_for_as_much_again_within_bounds(length: int, room: int) -> None:
    (batch,) = kv.merged([[row(length)], [row(1)]])
    assert batch.keys.shape[2] == length + room
    kv.extend([batch], kv.merged([[row(1)]]))
    assert batch.keys.shape == (3, 2, length + room, 4)


class Uncounted:
    """As DeepSeek V4.1's in mlx-vlm: it holds all layers, a list each, and does not count its bytes."""

    def __init__(self) -> None:
        self.keys = [mx.zeros((1, 3, 2)), None]

    @property
    def state(self) -> list[Any]:
        return [*self.keys, [mx.zeros((4,), mx.float16)]]


def test_the_bytes_of_a_cache_that_does_not_count_them_are_those_of_its_state() -> None:
    assert kv.nbytes([Uncounted(), KVCache()]) == 3 * 2 * 4 + 4 * 2
    assert kv._measured(Uncounted()) == (0.0, 3 * 2 * 4 + 4 * 2)

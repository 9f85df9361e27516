"""Which rows share a batch, and what becomes of caches that mlx-lm knows nothing of."""

from __future__ import annotations

from typing import Any

from tasks.values.requests import CompletionRequest
from tests.workers.engines.rows import job, texts
from tests.workers.engines.text import tiny

import mlx.core as mx  # isort: skip
from mlx_lm.models import llama  # isort: skip
from mlx_lm.models.cache import KVCache  # isort: skip

from workers.engines.text.cache import kv

JOBS = [job(CompletionRequest((tuple(range(at, at + 9 * at)),), temperature=0.0, max_tokens=6)) for at in (1, 3, 5)]


class OneRow(llama.Model):
    """A Llama whose code is for one row."""

    def __call__(self, inputs: Any, *more: Any, **named: Any) -> Any:
        if inputs.shape[0] > 1:
            raise ValueError("one row only")
        return super().__call__(inputs, *more, **named)


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

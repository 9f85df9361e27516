"""What a processor makes of a prompt goes through threads, whatever it is made of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import mlx.core as mx
import pytest

from workers.engines.vision.general import inputs


@dataclass
class Record:
    """As DeepSeek V4.1's processor makes one of an image."""

    start: int
    patches: mx.array


@dataclass(frozen=True)
class Frozen:
    patches: mx.array


class Pair(NamedTuple):
    patches: mx.array
    size: tuple[int, int]


def _array(first: int = 0) -> mx.array:
    # Longer than what NumPy writes in full.
    return mx.arange(first, first + 2000).astype(mx.bfloat16)


MADE: dict[str, Callable[[mx.array], Any]] = {
    "an array": lambda array: array,
    "a list": lambda array: [array, 1],
    "a tuple": lambda array: (array, "text"),
    "a dictionary": lambda array: {"pixel_values": array},
    "a named tuple": lambda array: Pair(array, (1, 2)),
    "a record": lambda array: Record(3, array),
    "a frozen record": lambda array: Frozen(array),
    "records in lists": lambda array: [[Record(1, array), Frozen(array)], {"more": Pair(array, (0, 0))}],
}


def _arrays(value: Any) -> list[mx.array]:
    if isinstance(value, mx.array):
        return [value]
    if isinstance(value, dict):
        return _arrays([*value.values()])
    if isinstance(value, list | tuple):
        return [array for part in value for array in _arrays(part)]
    return [array for part in vars(value).values() for array in _arrays(part)] if hasattr(value, "__dict__") else []


@pytest.mark.parametrize("kind", MADE)
def test_what_another_thread_has_made_is_the_same_here(kind: str) -> None:
    made: list[Any] = []
    thread = threading.Thread(target=lambda: made.append(inputs.held(MADE[kind](_array() + 1))))
    thread.start()
    thread.join()
    assert not _arrays(made[0])
    taken = inputs.taken(made[0])
    expected = MADE[kind](_array() + 1)
    assert type(taken) is type(expected)
    assert len(_arrays(taken)) == len(_arrays(expected))
    assert all(one.dtype == mx.bfloat16 and mx.array_equal(one, _array() + 1) for one in _arrays(taken))


@pytest.mark.parametrize("kind", MADE)
def test_its_bytes_are_counted(kind: str) -> None:
    made = inputs.held(MADE[kind](_array()))
    assert inputs.nbytes(made) == len(_arrays(MADE[kind](_array()))) * 4 * 2000


@pytest.mark.parametrize("kind", MADE)
def test_its_digest_is_that_of_the_same_only(kind: str) -> None:
    def digest(array: mx.array) -> bytes:
        return inputs.digest(inputs.held(MADE[kind](array)))

    other = mx.concatenate([_array()[:1000], _array()[1000:1001] + 256, _array()[1001:]])
    assert digest(_array()) == digest(_array()) != digest(other)

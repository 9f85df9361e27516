"""How a row's caches are kept: cut into blocks of tokens where each token's numbers stand by themselves, else whole.

Attention's caches are cut. A window that has moved on and a recurrent state hold what no longer has a place of its own,
so they are kept as they were after some token, and are of use from there on only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import mlx.core as mx
from mlx.utils import tree_flatten, tree_map
from mlx_lm.models import cache
from mlx_lm.models.cache import CacheList, KVCache, QuantizedKVCache, RotatingKVCache

from workers.engines.text.cache import kv


class CachePart(NamedTuple):
    """A layer's cache, or one of several that a layer has: its class, and whether it is cut by tokens."""

    kind: type
    cut: bool


class Layout:
    """The parts of a row's caches in their order; `lists` says how many a layer's CacheList has, if it has one.

    States are what mlx-lm's caches tell of themselves: arrays whose last axis but one is tokens, and plain values.
    """

    def __init__(self, parts: Sequence[CachePart], lists: Sequence[int | None]) -> None:
        self._parts, self._lists = tuple(parts), tuple(lists)

    @classmethod
    def of(cls, caches: Sequence[Any]) -> Layout:
        """The layout of a row's caches; a window is cut until it moves on, so that depends on their length."""
        lists = [len(layer.caches) if isinstance(layer, CacheList) else None for layer in caches]
        return cls([CachePart(type(one), _is_cut(one)) for one in _flat(caches)], lists)

    @classmethod
    def read(cls, text: str) -> Layout:
        """The layout that was `written`; raises ValueError, KeyError or AttributeError for any other text."""
        written = json.loads(text)
        return cls([CachePart(getattr(cache, name), cut) for name, cut in written["parts"]], written["lists"])

    @cached_property
    def written(self) -> str:
        """The layout as text."""
        return json.dumps({"parts": [(part.kind.__name__, part.cut) for part in self._parts], "lists": self._lists})

    @cached_property
    def tag(self) -> str:
        """A short name, the same for the same layout only."""
        return hashlib.sha256(self.written.encode()).hexdigest()[:12]

    @cached_property
    def storable(self) -> bool:
        """Whether such caches can be made again by name: an architecture may bring classes of its own."""
        return all(getattr(cache, part.kind.__name__, None) is part.kind for part in self._parts)

    @cached_property
    def whole(self) -> bool:
        """Whether there are parts that are of use after certain tokens only."""
        return not all(part.cut for part in self._parts)

    def block(self, caches: Sequence[Any], start: int, end: int) -> list[Any]:
        """States of the tokens from `start` to `end`, of each part that is cut; copies, not evaluated."""
        parts = zip(self._parts, _flat(caches), strict=True)
        return [_mapped(one.state, lambda array: _tokens(array, start, end)) for part, one in parts if part.cut]

    def rest(self, caches: Sequence[Any]) -> list[Any]:
        """States of the other parts, as they are after the last token; not evaluated, and in memory of their own."""
        parts = zip(self._parts, _flat(caches), strict=True)
        return [_mapped(_whole(one), mx.contiguous) for part, one in parts if not part.cut]

    def caches(self, blocks: Sequence[tuple[Sequence[Any], int]], rest: Sequence[Any], room: int) -> list[Any]:
        """A row's own caches: the first tokens of each block (its number is beside it), joined, with room for `room`.

        Of a single block they are a view, without room.
        """
        lengths = [used for _, used in blocks]
        cut, whole = iter(zip(*(states for states, _ in blocks), strict=True)), iter(rest)
        made = (
            _joined(part.kind, next(cut), lengths, room) if part.cut else _again(part.kind, next(whole))
            for part in self._parts
        )
        return [next(made) if size is None else CacheList(*(next(made) for _ in range(size))) for size in self._lists]


def nbytes(states: Sequence[Any]) -> int:
    """Bytes of the arrays in some states."""
    return sum(int(leaf.nbytes) for _, leaf in tree_flatten(list(states)) if isinstance(leaf, mx.array))


def _flat(caches: Sequence[Any]) -> Iterator[Any]:
    for layer in caches:
        yield from layer.caches if isinstance(layer, CacheList) else (layer,)


def _is_cut(part: Any) -> bool:
    if type(part) is RotatingKVCache:
        return bool(part.offset < part.max_size and part.state[-1] == part.offset)
    return type(part) in (KVCache, QuantizedKVCache)


def _mapped(state: Any, change: Any) -> Any:
    return tree_map(lambda leaf: change(leaf) if isinstance(leaf, mx.array) else leaf, state)


def _tokens(array: Any, start: int, end: int) -> Any:
    return mx.contiguous(array[..., start:end, :])


def _whole(part: Any) -> Any:
    """All that a cache is made again of; mlx-vlm's keep plain numbers apart."""
    if not hasattr(part, "from_state"):
        return dict(vars(part))
    return (part.state, part.meta_state) if hasattr(part, "meta_state") else part.state


def _again(kind: Any, state: Any) -> Any:
    # Another array of the same numbers: who goes on writes to one of his own.
    own = _mapped(state, lambda array: array[...])
    if not hasattr(kind, "from_state"):
        return kv.remade(kind, own)
    return kind.from_state(*own) if hasattr(kind, "meta_state") else kind.from_state(own)


def _joined(kind: Any, states: Sequence[Any], lengths: Sequence[int], room: int) -> Any:
    length = sum(lengths)
    # A window must not be longer than it says; it grows by itself.
    spare = 0 if kind is RotatingKVCache else max(room - length, 0)

    def join(*arrays: Any) -> Any:
        last = arrays[-1]
        if not isinstance(last, mx.array):
            return last
        if len(arrays) == 1:  # a view, which whoever joins others copies, and whoever goes on alone when he grows
            return last[..., :length, :]
        empty = mx.zeros((*last.shape[:-2], spare, last.shape[-1]), last.dtype)
        pairs = zip(arrays, lengths, strict=True)
        used = [array if array.shape[-2] == own else array[..., :own, :] for array, own in pairs]
        return mx.concatenate([*used, empty], axis=-2)

    made = kind.from_state(tree_map(join, *states))
    if not made.empty():
        made.offset = length
    if kind is RotatingKVCache:
        made._idx = length
    return made

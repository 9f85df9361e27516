"""KV caches of earlier prompts and answers, found by the longest common prefix."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import mlx.core as mx
import numpy as np
from mlx_lm.models.cache import can_trim_prompt_cache

from workers.engines.text import kv

_LEAST = 16  # tokens that are worth the trouble


class Hit(NamedTuple):
    """A row's own caches, holding the first `length` tokens of what was looked for."""

    length: int
    caches: list[Any]


class _Entry(NamedTuple):
    tokens: Any
    caches: list[Any]
    trimmable: bool
    nbytes: int


class PromptCache:
    """Entries within a budget of bytes, the least recently used leave first. Only the engine thread may use it."""

    def __init__(self, max_bytes: int, max_entries: int | None = None) -> None:
        self._max_bytes, self._max_entries = max_bytes, max_entries
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def wants(self, length: int) -> bool:
        """Whether a row of so many tokens is worth keeping."""
        return self._max_bytes > 0 and length >= _LEAST

    def longest(self, tokens: Sequence[int]) -> Hit | None:
        """The entry that saves most of a prompt's prefill; the last token is always left to be fed."""
        ids = np.array(tokens, np.int32)
        best, key = 0, None
        for name, entry in self._entries.items():
            length = min(shared(entry.tokens, ids), len(ids) - 1)
            if length > best and (entry.trimmable or length == len(entry.tokens)):
                best, key = length, name
        if key is None or best < _LEAST:
            return None
        self._entries.move_to_end(key)
        entry = self._entries[key]
        caches = kv.copied(entry.caches)
        if best < len(entry.tokens):
            for layer in caches:
                layer.trim(len(entry.tokens) - best)
        return Hit(best, caches)

    def add(self, tokens: Sequence[int], caches: list[Any]) -> None:
        """Keep a row's caches, which hold these tokens and become the entry's."""
        ids = np.array(tokens, np.int32)
        trimmable, nbytes = can_trim_prompt_cache(caches), kv.nbytes(caches)
        for name, entry in list(self._entries.items()):
            common = shared(entry.tokens, ids)
            if common == len(ids) and (entry.trimmable or len(entry.tokens) == len(ids)):
                self._entries.move_to_end(name)
                return
            if common == len(entry.tokens) and trimmable:
                self._forget(name)
        if nbytes > self._max_bytes:
            return
        mx.eval([layer.state for layer in caches])
        self._entries[ids.tobytes()] = _Entry(ids, caches, trimmable, nbytes)
        self.nbytes += nbytes
        while self.nbytes > self._max_bytes or len(self._entries) > (self._max_entries or len(self._entries)):
            self._forget(next(iter(self._entries)))

    def _forget(self, name: bytes) -> None:
        self.nbytes -= self._entries.pop(name).nbytes


def shared(a: Any, b: Any) -> int:
    """Length of the common prefix of two arrays of token ids."""
    length = min(len(a), len(b))
    different = (a[:length] != b[:length]).nonzero()[0]
    return int(different[0]) if different.size else length

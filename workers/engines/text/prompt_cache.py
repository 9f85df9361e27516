"""KV caches of earlier prompts and answers, found by the longest common prefix: in memory, and perhaps in files."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

import mlx.core as mx
import numpy as np
from mlx_lm.models.cache import can_trim_prompt_cache

from workers.engines.text import kv
from workers.engines.text.prompt_store import PromptStore, Restored

_LEAST = 16  # tokens that are worth the trouble
NOTHING: Future[Restored | None] = Future()  # what was read when there was nothing to read
NOTHING.set_result(None)


class Hit(NamedTuple):
    """A row's own caches, holding the first `length` tokens of what was looked for."""

    length: int
    caches: list[Any]


class _Entry(NamedTuple):
    owner: str
    tokens: Any
    caches: list[Any]
    trimmable: bool
    nbytes: int


class PromptCache:
    """Entries within a budget of bytes, the least recently used leave first. Only the engine thread may use it.

    Each entry is its owner's, and serves prompts of that owner only; the budget is everybody's.
    What enters is offered to the store, if there is one, and read back from there into memory.
    """

    def __init__(self, max_bytes: int, max_entries: int | None = None, store: PromptStore | None = None) -> None:
        self._max_bytes, self._max_entries, self._store = max_bytes, max_entries, store
        self._entries: OrderedDict[tuple[str, bytes], _Entry] = OrderedDict()
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def wants(self, length: int) -> bool:
        """Whether a row of so many tokens is worth keeping."""
        return self._max_bytes > 0 and self._max_entries != 0 and length >= _LEAST

    def _own(self, owner: str) -> Iterator[tuple[tuple[str, bytes], _Entry]]:
        return ((name, entry) for name, entry in self._entries.items() if entry.owner == owner)

    def restore(self, owner: str, tokens: Any) -> Future[Restored | None]:
        """Begin to read what files have of a prompt beyond what is in memory; int32 array of token ids."""
        if self._store is None:
            return NOTHING
        known = max((self._usable(entry, tokens) for _, entry in self._own(owner)), default=0)
        return self._store.find(owner, tokens, known + _LEAST) or NOTHING

    def take(self, owner: str, tokens: Any, restored: Restored | None) -> None:
        """Let what was read of a prompt enter the memory tier."""
        if restored is not None:
            self.add(owner, tokens[: restored.length], restored.caches())

    def longest(self, owner: str, tokens: Sequence[int]) -> Hit | None:
        """The entry that saves most of a prompt's prefill; the last token is always left to be fed."""
        ids = np.array(tokens, np.int32)
        best, key = 0, None
        for name, entry in self._own(owner):
            if (length := self._usable(entry, ids)) > best:
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

    def parting(self, owner: str, tokens: Any, beyond: int) -> int | None:
        """Where a prompt parts from an earlier one whose cache cannot be cut there; one kept there serves the next."""
        lengths = (min(shared(entry.tokens, tokens), len(tokens) - 1) for _, entry in self._own(owner))
        length = max(lengths, default=0)
        return length if length >= beyond + _LEAST else None

    def add(self, owner: str, tokens: Sequence[int], caches: list[Any]) -> None:
        """Keep a row's caches, which hold these tokens and become the entry's."""
        ids = np.array(tokens, np.int32)
        trimmable, nbytes = can_trim_prompt_cache(caches), kv.nbytes(caches)
        if nbytes > self._max_bytes:
            return
        for name, entry in list(self._own(owner)):
            common = shared(entry.tokens, ids)
            if common == len(ids) and (entry.trimmable or len(entry.tokens) == len(ids)):
                self._entries.move_to_end(name)
                return
            if common == len(entry.tokens) and trimmable:
                self._forget(name)
        mx.eval([layer.state for layer in caches])
        if self._store is not None:
            self._store.offer(owner, ids, caches)
        self._entries[owner, ids.tobytes()] = _Entry(owner, ids, caches, trimmable, nbytes)
        self.nbytes += nbytes
        while self.nbytes > self._max_bytes or len(self._entries) > (self._max_entries or len(self._entries)):
            self._forget(next(iter(self._entries)))

    @staticmethod
    def _usable(entry: _Entry, tokens: Any) -> int:
        length = min(shared(entry.tokens, tokens), len(tokens) - 1)
        return length if entry.trimmable or length == len(entry.tokens) else 0

    def _forget(self, name: tuple[str, bytes]) -> None:
        self.nbytes -= self._entries.pop(name).nbytes


def shared(a: Any, b: Any) -> int:
    """Length of the common prefix of two arrays of token ids."""
    length = min(len(a), len(b))
    different = (a[:length] != b[:length]).nonzero()[0]
    return int(different[0]) if different.size else length

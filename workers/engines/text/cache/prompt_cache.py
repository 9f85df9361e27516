"""What earlier prompts and answers left in KV caches, for those that begin alike: in memory, and perhaps in files."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from itertools import pairwise
from typing import Any, NamedTuple

import mlx.core as mx
import numpy as np

from workers.engines.text.cache.layout import Layout
from workers.engines.text.cache.prompt_store import PromptStore, Restored
from workers.engines.text.cache.radix import SLOT, Block, BlockKey, PathNode, PrefixPath, reach

_LEAST = 16  # tokens that are worth the trouble
NOTHING: Future[Restored | None] = Future()  # what was read when there was nothing to read
NOTHING.set_result(None)


class Hit(NamedTuple):
    """What is kept of the first `length` tokens of a prompt, and how many that has."""

    length: int
    total: int
    layout: Layout
    nodes: list[PathNode]
    state: tuple[BlockKey, Block] | None

    @property
    def keys(self) -> list[BlockKey]:
        """Of all blocks that it needs, the first of the prompt last."""
        behind = [] if self.state is None else [self.state[0]]
        return behind + [node.key for node in reversed(self.nodes)]

    def caches(self) -> list[Any]:
        """A row's own caches of these tokens, with room for the others; of a single block a view."""
        blocks = [(node.block.states, node.used) for node in self.nodes]
        rest = [] if self.state is None else self.state[1].states
        return self.layout.caches(blocks, rest, self.total - self.total % SLOT + SLOT)


class PromptCache:
    """Blocks within a budget of bytes, from which those used least recently leave. Only the engine thread may use it.

    Prompts that begin alike share their blocks. A block is its owner's, and serves prompts of that owner only; the
    budget is everybody's. What enters is offered to the store, if there is one, and read back from there into memory.
    """

    def __init__(self, max_bytes: int, max_entries: int | None = None, store: PromptStore | None = None) -> None:
        self._max_bytes, self._max_entries, self._store = max_bytes, max_entries, store
        # The least recently used first; of one prompt's the last, without which the others still are of use.
        self._blocks: OrderedDict[BlockKey, Block] = OrderedDict()
        self._layouts: dict[str, Layout] = {}
        self._lengths: Counter[int] = Counter()  # behind which there are states
        self._ends: set[BlockKey] = set()  # of prompts that are not the beginning of another one
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._ends)

    def wants(self, length: int) -> bool:
        """Whether a row of `length` tokens is worth keeping."""
        return self._max_bytes > 0 and self._max_entries != 0 and length >= _LEAST

    def restore(self, owner: str, tokens: Any) -> Future[Restored | None]:
        """Begin to read what files have of a prompt beyond what is in memory; int32 array of token ids."""
        if self._store is None:
            return NOTHING
        hit = self._hit(owner, tokens)
        return self._store.find(owner, tokens[:-1], hit.length if hit else 0, _LEAST) or NOTHING

    def take(self, restored: Restored | None) -> None:
        """Let what was read of a prompt enter the memory tier."""
        if restored is not None and _nbytes(restored.blocks) <= self._max_bytes:
            self._enter(restored.layout, restored.blocks)

    def longest(self, owner: str, tokens: Sequence[int]) -> Hit | None:
        """What saves most of a prompt's prefill; the last token is always left to be fed."""
        hit = self._hit(owner, np.asarray(tokens, np.int32))
        if hit is None or hit.length < _LEAST:
            return None
        self._touch(hit.keys)
        return hit

    def parting(self, owner: str, tokens: Any, beyond: int) -> int | None:
        """Where a prompt parts from an earlier one whose cache cannot be cut there; one kept there serves the next."""
        lengths = (reach(self._nodes(PrefixPath(owner, tag, tokens[:-1]))) for tag in self._layouts)
        length = max(lengths, default=0)
        return length if length >= beyond + _LEAST else None

    def add(self, owner: str, tokens: Sequence[int], caches: Sequence[Any]) -> None:
        """Keep what a row's caches hold of these tokens: what is not there yet is copied, and nothing else."""
        ids, layout = np.array(tokens, np.int32), Layout.of(caches)
        prefix = PrefixPath(owner, layout.tag, ids)
        nodes = self._nodes(prefix)
        start = reach(nodes)
        if nodes and start < len(ids) and start % SLOT and nodes[-1].used == len(nodes[-1].block.tokens):
            start = nodes.pop().start  # it goes on in the same slot: a longer block takes its place
        blocks = {node.key: node.block for node in nodes}
        for key, begin, end in prefix.cuts(start):
            blocks[key] = Block.of(ids[begin:end].copy(), end, layout.block(caches, begin, end))
        if layout.whole:
            ((_, key),) = prefix.states([len(ids)])
            blocks[key] = self._blocks.get(key) or Block.of(ids[:0], len(ids), layout.rest(caches))
        if _nbytes(blocks) > self._max_bytes:
            return
        mx.eval([block.states for key, block in blocks.items() if self._blocks.get(key) is not block])
        self._enter(layout, blocks)
        if self._store is not None:
            self._store.offer(layout, blocks)

    def clear(self) -> None:
        """Forget everything that is in memory."""
        for place in list(self._blocks):
            self._forget(place)

    def _hit(self, owner: str, ids: Any) -> Hit | None:
        hits = [self._within(owner, layout, ids) for layout in self._layouts.values()]
        return max(hits, key=lambda hit: hit.length, default=None)

    def _within(self, owner: str, layout: Layout, ids: Any) -> Hit:
        prefix = PrefixPath(owner, layout.tag, ids[:-1])
        nodes = self._nodes(prefix)
        if not layout.whole:
            return Hit(reach(nodes), len(ids), layout, nodes, None)
        lengths = sorted(length for length in self._lengths if length <= reach(nodes))
        states = [(length, key) for length, key in prefix.states(lengths) if key in self._blocks]
        if not states:
            return Hit(0, len(ids), layout, [], None)
        length, key = states[-1]
        nodes = [node.until(length) for node in nodes if node.start < length]
        return Hit(length, len(ids), layout, nodes, (key, self._blocks[key]))

    def _nodes(self, prefix: PrefixPath) -> list[PathNode]:
        return list(prefix.nodes(self._blocks.get))

    def _enter(self, layout: Layout, blocks: Mapping[BlockKey, Block]) -> None:
        """Let the blocks of a prompt, in their order, be those used last; what does not fit any more leaves."""
        self._layouts[layout.tag] = layout
        for key, block in blocks.items():
            old = self._blocks.get(key)
            if old is not None and len(old.tokens) >= len(block.tokens):
                continue
            self._forget(key)
            self._blocks[key] = block
            self.nbytes += block.nbytes
            self._ends.add(key)
            if block.is_state:
                self._lengths[block.end] += 1
        for (key, block), (_, behind) in pairwise(blocks.items()):
            if behind.start == block.end:
                self._ends.discard(key)
        self._touch(reversed(list(blocks)))
        while self.nbytes > self._max_bytes or self._too_many:
            self._forget(next(iter(self._blocks)))

    @property
    def _too_many(self) -> bool:
        """Whether there are more ends than there may be, or blocks of a prompt whose end is gone."""
        if self._max_entries is None or not self._blocks:
            return False
        return len(self._ends) > self._max_entries or next(iter(self._blocks)) not in self._ends

    def _touch(self, keys: Iterable[BlockKey]) -> None:
        for key in keys:
            self._blocks.move_to_end(key)

    def _forget(self, key: BlockKey) -> None:
        if (block := self._blocks.pop(key, None)) is None:
            return
        self.nbytes -= block.nbytes
        self._ends.discard(key)
        if block.is_state:
            self._lengths -= Counter((block.end,))  # which drops lengths that nothing is left of


def _nbytes(blocks: Mapping[BlockKey, Block]) -> int:
    return sum(block.nbytes for block in blocks.values())

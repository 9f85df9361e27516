"""A radix tree over blocks of tokens, whose nodes are found by what stands before them instead of by pointers.

A block is found by its key: a digest of its owner, its layout and all tokens before it, and its own first token. So one
may begin anywhere within another, where two prompts part, and nothing has to be split; what enters twice is there once.
A block ends where the next slot of SLOT tokens begins, or earlier where a prompt ended; what is there at once may
fill a large slot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from workers.engines.text.cache.layout import nbytes

SLOT = 256  # tokens
_LARGE = 4 * SLOT  # few large blocks are copied faster than many small ones
STATE = -1  # in a first token's place: what stands here is no block, but states behind the tokens of the digest


class BlockKey(NamedTuple):
    """Where a block begins: a digest of all before it, and its first token."""

    digest: bytes
    token: int


class Block(NamedTuple):
    """Int32 tokens and their states; or no tokens, and the states behind the first `end` tokens of a prompt."""

    tokens: Any
    end: int
    states: list[Any]
    nbytes: int

    @classmethod
    def of(cls, tokens: Any, end: int, states: list[Any]) -> Block:
        """A block that knows its size."""
        return cls(tokens, end, states, nbytes(states))

    @property
    def start(self) -> int:
        """Tokens before it."""
        return self.end - len(self.tokens)

    @property
    def is_state(self) -> bool:
        """Whether it holds states instead of tokens."""
        return not len(self.tokens)


class PathNode(NamedTuple):
    """A block on a prompt's path; `used` of its tokens are the prompt's tokens from `start` on."""

    key: BlockKey
    block: Block
    start: int
    used: int

    def until(self, end: int) -> PathNode:
        """The same, no further than to the prompt's token `end`."""
        return self._replace(used=min(self.used, end - self.start))


class PrefixPath:
    """A prompt's path through the tree of one owner and layout."""

    def __init__(self, owner: str, tag: str, tokens: Any) -> None:
        self._tokens = np.asarray(tokens, np.int32)
        self._root = hashlib.sha256(hashlib.sha256(owner.encode()).digest() + tag.encode())

    def nodes(self, find: Callable[[BlockKey], Block | None], start: int = 0) -> Iterator[PathNode]:
        """The blocks that `find` knows by their keys, one after the other from `start` on."""
        digest = self._before(start)
        while start < len(self._tokens):
            key = BlockKey(digest.digest(), int(self._tokens[start]))
            if (block := find(key)) is None:
                return
            own = self._tokens[start : start + len(block.tokens)]
            used = shared(block.tokens, own)
            yield PathNode(key, block, start, used)
            digest.update(own[:used].tobytes())
            start += used

    def key(self, start: int) -> BlockKey:
        """Where a block of the tokens from `start` on begins."""
        return BlockKey(self._before(start).digest(), int(self._tokens[start]))

    def cuts(self, start: int) -> Iterator[tuple[BlockKey, int, int]]:
        """The blocks that the tokens from `start` on make: place, start and end."""
        digest, total = self._before(start), len(self._tokens)
        while start < total:
            size = SLOT if start % _LARGE or total - start < _LARGE else _LARGE
            end = min(total, start - start % size + size)
            yield BlockKey(digest.digest(), int(self._tokens[start])), start, end
            digest.update(self._tokens[start:end].tobytes())
            start = end

    def states(self, lengths: Iterable[int]) -> Iterator[tuple[int, BlockKey]]:
        """For each of these ascending lengths, where the states behind that many tokens stand."""
        digest, start = self._root.copy(), 0
        for length in lengths:
            digest.update(self._tokens[start:length].tobytes())
            start = length
            yield length, BlockKey(digest.digest(), STATE)

    def _before(self, start: int) -> Any:
        digest = self._root.copy()
        digest.update(self._tokens[:start].tobytes())
        return digest


def reach(nodes: Sequence[PathNode]) -> int:
    """How many tokens a path has led through blocks."""
    return nodes[-1].start + nodes[-1].used if nodes else 0


def shared(a: Any, b: Any) -> int:
    """Length of the common prefix of two arrays of token ids."""
    length = min(len(a), len(b))
    different = (a[:length] != b[:length]).nonzero()[0]
    return int(different[0]) if different.size else length

"""Prompts of similar length on their way into the KV cache, a piece a step."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import mlx.core as mx

from workers.engines.text.cache import batched, kv
from workers.engines.text.output import scores
from workers.engines.text.schedule.rows import PromptGroup

_WASTE = 0.25  # of a piece's tokens may be padding
_SCORED = 256  # tokens whose logits, a whole vocabulary each, may be in memory at the same time
_ALIKE = 64  # tokens by which prompts may differ in any case


def alike(caches: kv.Kv, a: PromptGroup, b: PromptGroup) -> bool:
    """Whether two prompts may be prefilled together: caches of one kind throughout, one adapter, not much padding."""
    if a.scored is not None or b.scored is not None or caches.prefills_alone:
        return False
    if (a.bulk, a.adapter) != (b.bulk, b.adapter):
        return False
    if any(caches.due_from(one.done, one.done + one.left) is not None for one in (a, b)):
        return False
    if kv.kind(a.caches or caches.fresh()) != kv.kind(b.caches or caches.fresh()):
        return False
    return _near(a.left, b.left) and _near(a.done, b.done)


def _near(a: int, b: int) -> bool:
    return abs(a - b) <= max(_ALIKE, min(a, b))


class Piece(NamedTuple):
    """Tokens of some prompts that went through the model, padding included, and the seconds that it took by itself."""

    tokens: int
    prompts: int
    seconds: float


class Prefill:
    """Prompts that go through the model together; one by itself keeps its own caches, several share a batch."""

    def __init__(self, model: Any, caches: kv.Kv, prompts: Sequence[PromptGroup]) -> None:
        self._model, self._kv = model, caches
        self.batch: list[Any] | None = None  # the caches of all, where all were through at the same time
        self.prompts = list(prompts)
        self._merge([prompt.caches if prompt.caches is not None else caches.fresh() for prompt in prompts])
        for prompt in self.prompts:
            prompt.caches = None

    def _merge(self, rows: list[list[Any]]) -> None:
        self.caches = rows[0] if len(rows) == 1 else batched.merged(rows)

    @property
    def bulk(self) -> bool:
        """Whether nobody waits for any of them."""
        return all(prompt.bulk for prompt in self.prompts)

    def step(self, chunk: int, after: Sequence[Any] = ()) -> tuple[list[PromptGroup], Piece]:
        """Put up to `chunk` tokens of each prompt through the model, once arrays that are under way are there.

        Returns who is through (with caches), and what was put through.
        """
        (first,) = self.prompts[:1]
        if first.scored is not None:
            chunk = min(chunk, _SCORED)
        length = self._length(min([chunk, *self._marks()]))
        pieces = [prompt.tokens[prompt.done : prompt.done + min(length, prompt.left)] for prompt in self.prompts]
        lengths = [len(piece) for piece in pieces]
        padding = [length - own for own in lengths]
        tokens = mx.array([piece + [0] * pad for piece, pad in zip(pieces, padding, strict=True)])
        if any(padding):
            for layer in self.caches:
                layer.prepare(lengths=lengths, right_padding=padding)
        media = [prompt.features(own) for prompt, own in zip(self.prompts, lengths, strict=True)]
        began = time.monotonic()
        # Models that only read know no such argument.
        logits = self._model(tokens, cache=self.caches, **({"media": media} if any(media) else {}))
        if any(padding):
            batched.finalise(self.caches)
        waits = time.monotonic()
        mx.eval(after)
        began += time.monotonic() - waits
        if first.scored is not None:
            first.scores += scores.of(logits[0], first.tokens[first.done + 1 : first.done + 1 + length], first.scored)
        mx.eval([layer.state for layer in self.caches])
        seconds = time.monotonic() - began
        mx.clear_cache()
        for prompt, own in zip(self.prompts, lengths, strict=True):
            prompt.done += own
        return self._leave(), Piece(length * len(pieces), len(pieces), seconds)

    def caches_of(self, prompt: PromptGroup) -> list[Any]:
        """A prompt's own caches, to be read before the next step."""
        return self.caches if len(self.prompts) == 1 else batched.extracted(self.caches, self.prompts.index(prompt))

    def _marks(self) -> list[int]:
        """Tokens up to each of the places where a cache is to be kept or quantised."""
        places: list[tuple[PromptGroup, int | None]] = [
            (prompt, mark) for prompt in self.prompts for mark in prompt.marks
        ]
        places += [(prompt, self._kv.due_from(prompt.done, prompt.done + prompt.left)) for prompt in self.prompts]
        return [place - prompt.done for prompt, place in places if place is not None and place > prompt.done]

    def _length(self, chunk: int) -> int:
        """The longest piece that keeps padding low: the shortest prompt's rest, or a little more."""
        lefts = [prompt.left for prompt in self.prompts]
        for length in sorted({min(chunk, left) for left in lefts}, reverse=True):
            real = sum(min(length, left) for left in lefts)
            if length * len(lefts) - real <= _WASTE * real:
                return length
        return min(chunk, *lefts)

    def _leave(self) -> list[PromptGroup]:
        through = [row for row, prompt in enumerate(self.prompts) if prompt.left == 0]
        if 1 < len(through) == len(self.prompts) and batched.shareable(self.caches):
            self.batch = self.caches
        gone = [self.prompts[row] for row in through]
        for row in through:
            own = self.caches if len(self.prompts) == 1 else batched.extracted(self.caches, row)
            self.prompts[row].caches = self._kv.settled(own)
        self.keep([row for row in range(len(self.prompts)) if row not in through])
        return gone

    def keep(self, rows: list[int]) -> None:
        """Go on with these rows only."""
        if len(rows) == len(self.prompts):
            if len(rows) == 1:
                self.caches = self._kv.settled(self.caches)
            return
        if rows and not any(prompt.done for prompt in self.prompts):  # nothing can be taken out of empty caches
            self._merge([self._kv.fresh() for _ in rows])
        elif len(rows) == 1:
            self.caches = self._kv.settled(batched.extracted(self.caches, rows[0]))
        elif rows:
            for layer in self.caches:
                layer.filter(rows)
        else:
            self.caches = []
        self.prompts = [self.prompts[row] for row in rows]

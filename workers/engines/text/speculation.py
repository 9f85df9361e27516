"""Speculative decoding for a row that is decoded alone: a small model drafts tokens, the large one checks them.

Leviathan et al., "Fast Inference from Transformers via Speculative Decoding" (arXiv 2211.17192). Here both models draw
with the random numbers that belong to a token's place, so a draft is right when both draw the same token, and the
answer is token for token what the large model writes by itself, whatever its settings.
"""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np

from workers.engine import Unservable
from workers.engines.text.cache import kv
from workers.engines.text.cache.radix import shared
from workers.engines.text.sampling.pick import Pick
from workers.engines.text.sampling.sampler import Sampler
from workers.engines.text.schedule.rows import Row


class UnsupportedDraft(Unservable):
    """This draft model cannot draft for the model; the message says why."""


class Draft:
    """A draft model and what it has read, which is one row at a time; of another owner's it begins anew.

    It drafts up to `count` tokens of a vocabulary of `width`. Raises UnsupportedDraft for a model that cannot take
    tokens back.
    """

    def __init__(self, model: Any, caches: kv.Kv, sampler: Sampler, *, count: int, width: int) -> None:
        if not caches.trimmable(1):
            raise UnsupportedDraft("its cache cannot take tokens back")
        self._model, self._kv, self._sampler = model, caches, sampler
        self.count, self._width = count, width
        self._caches, self._held, self._owner = caches.fresh(), list[int](), ""

    def ready(self, row: Row, chunk: int) -> bool:
        """Whether it can draft for a row now; it reads up to `chunk` of the tokens that it has not read yet."""
        if not self._kv.trimmable(len(row.tokens) + self.count + 1):
            return False
        self._back_to(row.tokens if row.owner == self._owner else [])
        self._owner = row.owner
        missing = row.tokens[len(self._held) :]
        if len(missing) < chunk:
            return True
        self._read(missing[:chunk])
        mx.eval([layer.state for layer in self._caches])
        return False

    def tokens(self, row: Row, first: int, count: int) -> list[int]:
        """What may follow a row's tokens and the `first` one after them."""
        context = [*row.tokens, first]
        guesses: list[int] = []
        for _ in range(count):
            logits = self._read(context[len(self._held) :])
            guesses += self._sampler.draw(logits, [Pick(row.options, row.prompt_length, context)]).tolist()
            context.append(guesses[-1])
        return guesses

    def _read(self, tokens: list[int]) -> Any:
        self._held += tokens
        logits = self._model(mx.array([tokens]), cache=self._caches)[:, -1, : self._width]
        # Vocabularies of one family are padded to different widths.
        padding = mx.full((1, self._width - logits.shape[-1]), -mx.inf, logits.dtype)
        return mx.concatenate([logits, padding], axis=-1) if padding.size else logits

    def _back_to(self, tokens: list[int]) -> None:
        """Forget what is not the beginning of these."""
        if tokens[: len(self._held)] == self._held:
            return
        common = shared(np.array(self._held), np.array(tokens))
        for layer in self._caches:
            layer.trim(len(self._held) - common)
        del self._held[common:]

"""A small model that drafts for a row which is decoded alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mlx.core as mx
import numpy as np

from workers.engine import Unservable
from workers.engines.text.cache import kv
from workers.engines.text.cache.radix import shared
from workers.engines.text.sampling.pick import Pick
from workers.engines.text.sampling.sampler import Sampler
from workers.engines.text.schedule.rows import Row
from workers.engines.text.speculation.drafter import room


class UnsupportedDraft(Unservable):
    """This draft model cannot draft for the model; the message says why."""


class DraftModel:
    """A draft model and what it has read, which is one row at a time; of another owner's it begins anew.

    It draws with the random numbers of the model itself, `count` tokens of a vocabulary of `width` at most. Raises
    UnsupportedDraft for a model that cannot take tokens back.
    """

    def __init__(self, model: Any, caches: kv.Kv, sampler: Sampler, *, count: int, width: int) -> None:
        if not caches.trimmable(1):
            raise UnsupportedDraft("its cache cannot take tokens back")
        self._model, self._kv, self._sampler = model, caches, sampler
        self.count, self._width = count, width
        self._caches, self._held, self._owner = caches.fresh(), list[int](), ""

    def ready(self, rows: Sequence[Row], step: int, chunk: int) -> bool:
        """Whether it can draft for a row now, which must be the only one: beside others, a batch is the faster way."""
        if len(rows) != 1 or rows[0].guide is not None or not room(rows[0]):
            return False  # what a grammar allows is seldom what it would say
        (row,) = rows
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

    def drafts(self, rows: Sequence[Row], firsts: Sequence[int]) -> list[list[int]]:
        """What it says after the row's tokens and the next one."""
        (row,), (first,) = rows, firsts
        context = [*row.tokens, first]
        guesses: list[int] = []
        for _ in range(min(self.count, room(row))):
            logits = self._read(context[len(self._held) :])
            guesses += self._sampler.draw(logits, [Pick(row.options, row.prompt_length, context)]).tolist()
            context.append(guesses[-1])
        return [guesses]

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

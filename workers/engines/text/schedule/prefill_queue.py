"""Prompts on their way into the KV cache, and which of them goes next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workers.engines.text.adapters import Adapters
from workers.engines.text.cache import kv
from workers.engines.text.schedule.prefill import Prefill, alike
from workers.engines.text.schedule.rows import PromptGroup

_OLDEST = 4  # every fourth step the oldest prompts advance, however long they are


class PrefillQueue:
    """The prefills of one batch, the oldest first; `adapters` are as in Groups."""

    def __init__(self, model: Any, caches: kv.Kv, adapters: Adapters | None = None) -> None:
        self._model, self._adapters, self._kv = model, adapters, caches
        self.all: list[Prefill] = []

    @property
    def prompts(self) -> list[PromptGroup]:
        """Every prompt under way."""
        return [prompt for prefill in self.all for prompt in prefill.prompts]

    @property
    def bulk(self) -> bool:
        """Whether there are prompts that nobody waits for."""
        return any(prefill.bulk for prefill in self.all)

    def begin(self, prompts: Sequence[PromptGroup]) -> None:
        """Let prompts begin; alike ones go together."""
        chosen = list(prompts)
        while chosen:
            first = chosen[0]
            together = [first, *(other for other in chosen[1:] if alike(self._kv, first, other))]
            chosen = [prompt for prompt in chosen if prompt not in together]
            model = self._model if self._adapters is None else self._adapters.chosen([first.adapter])
            self.all.append(Prefill(model, self._kv, together))

    def next(self, step: int, *, bulk: bool) -> Prefill | None:
        """What advances in this step: people's prompts first, the shortest; others only if bulk work may."""
        people = [prefill for prefill in self.all if not prefill.bulk]
        prefills = people or (self.all if bulk else [])
        if not prefills:
            return None
        # The shortest first, so that nobody waits long for a long one; now and then the oldest, so that it ends.
        shortest = min(prefills, key=lambda prefill: max(prompt.left for prompt in prefill.prompts))
        return prefills[0] if step % _OLDEST == 0 else shortest

    def tidy(self) -> None:
        """Go on without prompts that nobody wants any more, and without what is through."""
        for prefill in self.all:
            prefill.keep([at for at, prompt in enumerate(prefill.prompts) if prompt.rows])
        self.all = [prefill for prefill in self.all if prefill.prompts]

"""What a prompt gets from the prompt cache before it is prefilled, and whether it waits until there is more."""

from __future__ import annotations

from collections.abc import Sequence

from workers.engines.text.cache import kv
from workers.engines.text.cache.prompt_cache import NOTHING, PromptCache
from workers.engines.text.cache.radix import shared
from workers.engines.text.schedule.rows import PromptGroup

_SHARED = 128  # tokens that a prompt must share with one under way for waiting to pay


class Lookup:
    """The prompt cache as prompts that begin see it. Of the engine thread."""

    def __init__(self, caches: kv.Kv, prompt_cache: PromptCache) -> None:
        self._kv, self._prompt_cache = caches, prompt_cache

    def comes_later(self, prompt: PromptGroup, before: Sequence[PromptGroup], *, idle: bool) -> bool:
        """Look the prompt up; True when more will soon be in the cache: from a file, or from one that goes before.

        When the engine is idle, a file is waited for here. What was found is the prompt's.
        """
        if prompt.scored is None and self._restoring(prompt, idle):
            return True
        hit = None if prompt.scored is not None else self._prompt_cache.longest(prompt.owner, prompt.ids)
        reused = hit.length if hit else 0
        if any(self._will_have(other, prompt, reused) for other in before):
            return True
        if (mark := self._prompt_cache.parting(prompt.owner, prompt.ids, reused)) is not None:
            prompt.marks.add(mark)
        if hit:
            prompt.caches, prompt.done, prompt.cached = self._kv.settled(hit.caches()), reused, reused
        return False

    def _will_have(self, other: PromptGroup, prompt: PromptGroup, reused: int) -> bool:
        """Whether a prompt under way will leave much more of this one in the cache than there is."""
        common = shared(prompt.ids, other.ids)
        if other.owner != prompt.owner or common - reused < _SHARED:
            return False
        if not self._kv.trimmable(len(other.tokens)):
            if other.done >= common:
                return False
            other.marks.add(common)
        return True

    def _restoring(self, prompt: PromptGroup, idle: bool) -> bool:
        if prompt.restoring is None:
            prompt.restoring = self._prompt_cache.restore(prompt.owner, prompt.ids)
        if not idle and not prompt.restoring.done():
            return True
        self._prompt_cache.take(prompt.restoring.result())
        prompt.restoring = NOTHING
        return False

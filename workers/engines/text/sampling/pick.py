"""What the sampler needs to know of a row whose next token is due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from workers.engines.text.sampling import noise
from workers.engines.text.sampling.guide import Guide
from workers.engines.text.sampling.options import Options


class Pick(NamedTuple):
    """A row whose next token is due: its settings, its prompt's length and its tokens so far.

    `guide` says which tokens are allowed, `forced` which one it must be.
    """

    options: Options
    prompt_length: int
    tokens: Sequence[int]
    guide: Guide | None = None
    forced: int | None = None

    @property
    def key(self) -> int:
        """The random key of this draw."""
        return noise.key(self.options.seed, self.options.choice, len(self.tokens) - self.prompt_length)

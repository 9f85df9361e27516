"""What a row may say next, token by token, as its grammar allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import numpy as np
from llguidance import LLMatcher
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

if TYPE_CHECKING:
    from workers.engines.text.sampler import Pick


class Guide:
    """The state of one answer in its grammar. It is cheap to copy; each answer needs its own."""

    def __init__(self, matcher: LLMatcher) -> None:
        self._matcher = matcher

    def copy(self) -> Guide:
        """A guide of the same state."""
        return Guide(self._matcher.deep_copy())

    def fill(self, bits: Any, row: int) -> None:
        """Write the allowed tokens as a row of bits, (rows, vocabulary / 32) of int32; at the end only ends of text."""
        fill_next_token_bitmask(self._matcher, bits, row)

    def hear(self, token: int) -> None:
        """Take the token that was said."""
        if not self._matcher.is_stopped():
            self._matcher.consume_token(token)

    def takes(self, tokens: Sequence[int]) -> bool:
        """Whether all these may come next, in this order."""
        return bool(self._matcher.validate_tokens(list(tokens)) == len(tokens))

    @property
    def broken(self) -> str:
        """Why the grammar can no longer be followed; empty while it can."""
        return self._matcher.get_error().splitlines()[0] if self._matcher.is_error() else ""


def allowed(x: Any, picks: Sequence[Pick]) -> Any:
    """Logits (rows, vocabulary) of which guided rows keep what their grammars allow; the rest becomes -inf."""
    guides = [(row, pick.guide) for row, pick in enumerate(picks) if pick.guide is not None]
    if not guides:
        return x
    vocabulary = x.shape[-1]
    bits = allocate_token_bitmask(len(guides), vocabulary)
    for at, (_, guide) in enumerate(guides):
        guide.fill(bits, at)
    words = mx.array(bits.view(np.uint32))[:, :, None] >> mx.arange(32, dtype=mx.uint32)
    open_ = (words & 1).reshape(len(guides), -1)[:, :vocabulary].astype(mx.bool_)
    if len(guides) == len(picks):
        return mx.where(open_, x, -mx.inf)
    where = mx.array([row for row, _ in guides])
    out = mx.array(x)
    out[where] = mx.where(open_, x[where], -mx.inf)
    return out

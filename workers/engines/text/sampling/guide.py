"""Which tokens may come next in a row, as its grammar allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import numpy as np
from llguidance import LLMatcher
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

from tasks.values.errors import EngineError, InvalidValue, JobError

if TYPE_CHECKING:
    from workers.engines.text.sampling.pick import Pick

# What llguidance reports where a grammar ends in nothing, or is beyond the limits of a step.
_REQUEST_S_FAULT = ("NoExtension", "lexer error", "TooComplex", "too complex", "too many")


class Guide:
    """The state of one answer in its grammar, which stands in the request's field `param`, over `vocabulary` tokens.

    It is cheap to copy; each answer needs its own.
    """

    def __init__(self, matcher: LLMatcher, param: str, vocabulary: int) -> None:
        self._matcher, self._param, self.vocabulary = matcher, param, vocabulary

    def copy(self) -> Guide:
        """A guide of the same state."""
        return Guide(self._matcher.deep_copy(), self._param, self.vocabulary)

    def fill(self, bits: Any, row: int) -> None:
        """Write the allowed tokens as a row of bits, (rows, vocabulary / 32) of int32; at the end only ends of text."""
        fill_next_token_bitmask(self._matcher, bits, row)

    def accept(self, token: int) -> None:
        """Take the token that was drawn."""
        if not self._matcher.is_stopped():
            self._matcher.consume_token(token)

    def taken(self, tokens: Sequence[int]) -> int:
        """How many of these may come next, in this order."""
        return int(self._matcher.validate_tokens(list(tokens)))

    def takes(self, tokens: Sequence[int]) -> bool:
        """Whether all these may come next, in this order."""
        return self.taken(tokens) == len(tokens)

    @property
    def broken(self) -> str:
        """Why the grammar can no longer be followed; empty while it can."""
        return self._matcher.get_error().splitlines()[0] if self._matcher.is_error() else ""

    @property
    def refusal(self) -> JobError:
        """What a broken grammar is answered with: it is the request's, unless a token was drawn that it forbids."""
        if any(phrase in self.broken for phrase in _REQUEST_S_FAULT):
            message = f"'{self._param}' leads where nothing can follow, or is too complex: {self.broken}"
            return InvalidValue(message, param=self._param)
        return EngineError(f"the grammar of this answer can no longer be followed: {self.broken}")


def allowed(x: Any, picks: Sequence[Pick]) -> Any:
    """Logits (rows, width) of which guided rows keep what their grammars allow; the rest becomes -inf.

    There may be fewer than the tokenizer has tokens, and more, as of places in an image, which no grammar allows.
    """
    guides = [(row, pick.guide) for row, pick in enumerate(picks) if pick.guide is not None]
    if not guides:
        return x
    width, vocabulary = x.shape[-1], guides[0][1].vocabulary  # one model's
    bits = allocate_token_bitmask(len(guides), vocabulary)
    for at, (_, guide) in enumerate(guides):
        guide.fill(bits, at)
    words = mx.array(bits.view(np.uint32))[:, :, None] >> mx.arange(32, dtype=mx.uint32)
    open_ = (words & 1).reshape(len(guides), -1)[:, : min(width, vocabulary)].astype(mx.bool_)
    open_ = mx.pad(open_, [(0, 0), (0, max(width - vocabulary, 0))])
    if len(guides) == len(picks):
        return mx.where(open_, x, -mx.inf)
    where = mx.array([row for row, _ in guides])
    out = mx.array(x)
    out[where] = mx.where(open_, x[where], -mx.inf)
    return out

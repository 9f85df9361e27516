"""A prompt that its architecture embeds as a whole, and the part of it that goes through the language model next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

_LARGEST = (1 << 31) - 1


class Embedded(NamedTuple):
    """A prompt's embeddings, (1, tokens, width), what else its language model is told with them, and what the model
    keeps of it by itself.

    `positions` are those of its tokens, (…, tokens) or (1, tokens, 3), where the model found them with the embeddings.
    `delta` is how far the positions behind the prompt are from its length, where images take rows and columns, and
    `first` the first token that is not text.
    """

    ids: Any
    embeddings: Any
    arguments: Mapping[str, Any]
    state: Mapping[Any, Any]
    positions: Any = None
    delta: int = 0
    first: int = 0

    @property
    def length(self) -> int:
        """Its tokens."""
        return int(self.ids.shape[1])


class PromptPart(NamedTuple):
    """The tokens from `start` to `end`; behind the prompt's end they are an answer's."""

    prompt: Embedded
    start: int
    end: int


class WholePrompt:
    """The media of a prompt with its text (`schedule.rows.PromptMedia`); `embed` is the engine thread's.

    It is known by its tokens, from the `first` that is not text on together with a digest of all that is shown.
    """

    def __init__(
        self,
        tokens: Sequence[int],
        inputs: Mapping[str, Any],
        embed: Callable[[Mapping[str, Any]], Embedded],
        *,
        digest: bytes,
        first: int,
        vocabulary: int,
        hold: object = None,
    ) -> None:
        self._inputs: Mapping[str, Any] | None = inputs
        self._embed, self._hold = embed, hold
        self._embedded: Embedded | None = None
        self.key = list(tokens)
        if digest:
            salt = int.from_bytes(digest[:8], "big")
            for place in range(first, len(self.key)):
                self.key[place] = vocabulary + _mixed(salt, self.key[place]) % (_LARGEST - vocabulary)

    def needs_encoding(self, start: int) -> bool:
        """Whether the prompt has still to be embedded; a token's embedding may depend on all that is shown."""
        return self._embedded is None

    def encode_next(self, start: int) -> None:
        """Embed it, all at once."""
        if self._inputs is not None:
            self._embedded = self._embed(self._inputs)
            self._inputs = self._hold = None

    def features(self, start: int, end: int) -> PromptPart | None:
        """The part from `start` to `end`."""
        return None if self._embedded is None else PromptPart(self._embedded, start, end)


def _mixed(salt: int, token: int) -> int:
    with np.errstate(over="ignore"):
        mixed = (np.uint64(salt) ^ np.uint64(token)) * np.uint64(0x9E3779B97F4A7C15)
    return int(mixed >> np.uint64(33))

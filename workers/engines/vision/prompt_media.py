"""The media of one prompt: which of its tokens it takes, what the prompt cache knows it by, its features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

import mlx.core as mx
import numpy as np

from workers.engines.vision.encoder_cache import EncoderCache
from workers.engines.vision.family import Inputs, Places

_LARGEST = (1 << 31) - 1


@dataclass(eq=False)
class MediaPiece:
    """A piece of a picture, sound or film: its places in the prompt and the `token` that keeps them, what its tower
    gets of it until it has seen it, with a hold on the memory, and what it saw, (places, width)."""

    token: int
    places: Places
    inputs: Inputs | None
    digest: bytes
    hold: object = None
    features: Any = None

    @classmethod
    def of(cls, token: int, places: Places, inputs: Inputs, hold: object) -> MediaPiece:
        """A piece that is known by its pixels, as the model's processor made them."""
        digest = sha256(f"{token} {len(places)}".encode())
        for name, array in sorted(inputs.items()):
            digest.update(f"{name} {array.shape} {array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return cls(token, places, inputs, digest.digest(), hold)


class EncodedMedia(NamedTuple):
    """What a stretch of a prompt shows: features (places, width) at places of the stretch, and every token's position,
    (3, tokens), where that is not simply the next."""

    places: Places
    features: Any
    positions: Places | None


class PieceMedia:
    """The media of a prompt (`schedule.rows.PromptMedia`), once it was checked; only the engine thread encodes them.

    `positions` is every token's position, (3, tokens), where the architecture has such; `owner` is whose features
    they may be.
    """

    def __init__(
        self,
        tokens: Sequence[int],
        parts: Sequence[MediaPiece],
        positions: Places | None,
        encoder_cache: EncoderCache,
        vocabulary: int,
        owner: str = "",
    ) -> None:
        self._parts, self._positions, self._encoder_cache, self._owner = list(parts), positions, encoder_cache, owner
        self.key = list(tokens)
        for part in parts:
            words = np.frombuffer(part.digest, np.uint32)
            for number, place in enumerate(part.places):
                self.key[place] = vocabulary + int(words[number % len(words)]) % (_LARGEST - vocabulary)

    def needs_encoding(self, start: int) -> bool:
        """Whether a piece of a picture has still to be encoded, of those that reach beyond the first tokens."""
        return self._next(start) is not None

    def encode_next(self, start: int) -> None:
        """Encode the next piece."""
        if (part := self._next(start)) is not None:
            part.features = self._encoder_cache.features(
                self._owner, part.digest, part.token, part.inputs, len(part.places)
            )
            part.inputs = part.hold = None

    def _next(self, start: int) -> MediaPiece | None:
        return next((part for part in self._parts if part.features is None and part.places[-1] >= start), None)

    def features(self, start: int, end: int) -> EncodedMedia | None:
        """What the tokens from `start` to `end` show; None where they are all text."""
        seen = [(part, (part.places >= start) & (part.places < end)) for part in self._parts]
        seen = [(part, within) for part, within in seen if within.any()]
        if not seen:
            return None
        return EncodedMedia(
            np.concatenate([part.places[within] - start for part, within in seen]),
            mx.concatenate([part.features[int(within.argmax()) :][: int(within.sum())] for part, within in seen]),
            self._stretch(start, end),
        )

    def _stretch(self, start: int, end: int) -> Places | None:
        if self._positions is None:
            return None
        beyond = np.arange(1, max(0, end - self._positions.shape[1]) + 1) + self._positions.max()
        return np.concatenate([self._positions[:, start:end], np.tile(beyond, (3, 1))], axis=1).astype(np.int32)

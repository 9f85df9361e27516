"""A multimodal model's own processor: from a text with pictures to tokens, places and pixels."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from tasks.errors import InvalidValue
from workers.engines.vision.budget import Budget
from workers.engines.vision.families import PIXELS, Family, Places, positions
from workers.engines.vision.pictures import Part


class Reading(NamedTuple):
    """A prompt with the places of its pictures in it, the pictures in pieces, and every token's position, if it has
    one."""

    text: str
    tokens: list[int]
    parts: list[Part]
    positions: Places | None


class _Words:
    """The tokenizer as a processor calls it: the template's text has its special tokens already, and is kept."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer, self.text = tokenizer, ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def __call__(self, text: Sequence[str], **_: Any) -> dict[str, Any]:
        (self.text,) = text
        return {"input_ids": [self._tokenizer.encode(self.text, add_special_tokens=False)]}


class Reader:
    """The processor of one model; any thread may ask, one at a time.

    `token` is the id that keeps a picture's places, `marker` the text that stands for a picture before the processor
    has made room for it, `side` how many patches in a row share a token.
    """

    def __init__(self, processor: Any, family: Family, token: int, side: int, budget: Budget) -> None:
        self._processor, self._family, self._token, self._side = processor, family, token, side
        self._budget = budget
        self._words = processor.tokenizer = _Words(deepcopy(processor.tokenizer))
        self._one_at_a_time = threading.Lock()
        own = str(processor.tokenizer.convert_ids_to_tokens(token))
        self.marker: str = getattr(processor, "boi_token", None) or own
        self.markers = frozenset({self.marker, own})

    def read(self, text: str, pictures: Sequence[Image.Image]) -> Reading:
        """Make room for each picture where its marker stands; raises InvalidValue."""
        if (count := text.count(self.marker)) != len(pictures):
            message = f"the model's chat template shows {count} pictures of the {len(pictures)} in these messages"
            raise InvalidValue(message, param="messages")
        with self._one_at_a_time:
            inputs = self._processed(text, pictures)
            text = self._words.text
            self._budget.hold(inputs[PIXELS])
        tokens = inputs.pop("input_ids")[0]
        places = np.flatnonzero(tokens == self._token).astype(np.int32)
        parts, used = [], 0
        for cut in self._family.cut(inputs, len(places)):
            parts.append(Part.of(places[used : used + cut.tokens], cut.inputs))
            used += cut.tokens
        if used != len(places):
            raise InvalidValue("the messages hold more places for pictures than there are pictures", param="messages")
        return Reading(text, tokens.tolist(), parts, self._positions(len(tokens), parts))

    def _processed(self, text: str, pictures: Sequence[Image.Image]) -> dict[str, Any]:
        try:
            found = self._processor(text=[text], images=list(pictures))
            arrays = {name: np.array(value) for name, value in found.items()}
        except Exception as error:  # a processor may refuse anything, as pictures that are too long for their width
            message = f"the model's processor refuses these pictures: {error}"
            raise InvalidValue(message, param="messages") from error
        return {name: array.astype(bool) if name.endswith("_mask") else array for name, array in arrays.items()}

    def _positions(self, length: int, parts: Sequence[Part]) -> Places | None:
        if not self._family.spatial:
            return None
        return positions(length, [(int(part.places[0]), part.inputs or {}) for part in parts], self._side)

"""The vision tower, and what it saw lately."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import mlx.core as mx

from workers.engines.vision.family import Inputs


class EncoderCache:
    """Makes features of pixels and spectrograms.

    Features stay within `max_bytes`, the least recently used leave first, and serve their owner only. Only the engine
    thread may look.
    """

    def __init__(self, model: Any, max_bytes: int) -> None:
        self._model, self._max_bytes = model, max_bytes
        self._kept: OrderedDict[tuple[str, bytes], Any] = OrderedDict()
        self.nbytes = 0
        self.looks = 0

    def features(self, owner: str, digest: bytes, token: int, inputs: Inputs | None, places: int) -> Any:
        """What these inputs, known by their digest, put in `places` places of a token: (places, width).

        What goes to deeper layers (DeepStack) stands behind what goes to the first one, and makes it so much wider.
        """
        name = owner, digest
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        assert inputs is not None  # noqa: S101  (they stay until they were seen)
        found = self._look({name: mx.array(array) for name, array in inputs.items()}, token, places)
        self._keep(name, found)
        return found

    def _look(self, inputs: dict[str, Any], token: int, places: int) -> Any:
        # A prompt that is nothing but the picture's places becomes its features, in every architecture.
        tokens = mx.full((1, places), token, mx.int32)
        made = self._model.get_input_embeddings(tokens, mask=mx.ones_like(tokens), **inputs)
        deeper = () if made.deepstack_visual_embeds is None else made.deepstack_visual_embeds
        found = mx.concatenate([made.inputs_embeds[0], *deeper], axis=-1)
        mx.eval(found)
        mx.clear_cache()
        self.looks += 1
        return found

    def _keep(self, name: tuple[str, bytes], found: Any) -> None:
        if found.nbytes > self._max_bytes:
            return
        self._kept[name] = found
        self.nbytes += found.nbytes
        while self.nbytes > self._max_bytes:
            self.nbytes -= self._kept.popitem(last=False)[1].nbytes

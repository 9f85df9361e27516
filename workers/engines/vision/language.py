"""The language model of a multimodal one, called as the text engine calls its models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mlx.core as mx
import numpy as np
from mlx_lm.models.cache import KVCache, RotatingKVCache

from workers.engine import Unservable
from workers.engines.vision.prompt_media import EncodedMedia


class UnsupportedArchitecture(Unservable):
    """This model cannot be served with pictures here; the message says why."""


class Language:
    """Tokens in, logits out; with `media`, pictures at some of the tokens.

    `spatial` architectures count positions by row and column. A row's positions so far are one more cache beside those
    of its layers, because they, too, are merged into batches, cut and kept with the row.
    """

    way, why = "family", "its media is encoded piece by piece, and kept for later prompts"

    def __init__(self, model: Any, *, spatial: bool) -> None:
        self._model, self._language, self._spatial = model, model.language_model, spatial
        self.exact_caches = int(spatial)

    @property
    def layers(self) -> Any:
        """The language model's layers."""
        return self._language.layers

    def parameters(self) -> Any:
        """All weights, the vision tower's too."""
        return self._model.parameters()

    def make_cache(self) -> list[Any]:
        """Empty caches of one row; raises UnsupportedArchitecture."""
        if hasattr(self._language, "make_cache"):
            layers = [_ours(layer) for layer in self._language.make_cache()]
        else:
            layers = [KVCache() for _ in self.layers]
        return [*layers, KVCache()] if self._spatial else layers

    def __call__(
        self, tokens: Any, cache: list[Any] | None = None, media: Sequence[EncodedMedia | None] | None = None
    ) -> Any:
        """Logits of (rows, tokens) ids, float (rows, tokens, vocabulary)."""
        inputs: dict[str, Any] = {}
        if media is not None:
            inputs |= self._embedded(tokens, media)
        if self._spatial and cache is not None:
            *cache, places = cache
            inputs["position_ids"] = _positions(places, tokens.shape, media or ())
        return self._language(tokens, cache=cache, **inputs).logits

    def _embedded(self, tokens: Any, media: Sequence[EncodedMedia | None]) -> dict[str, Any]:
        made = self._model.get_input_embeddings(tokens)
        embeddings, deeper = made.inputs_embeds, []
        width, taken = embeddings.shape[-1], np.zeros(tokens.shape, bool)
        for row, encoded in enumerate(media):
            if encoded is not None:
                features = encoded.features.astype(embeddings.dtype)
                embeddings[row, mx.array(encoded.places)] = features[:, :width]
                deeper.append(features[:, width:])
                taken[row, encoded.places] = True
        inputs = {"inputs_embeds": embeddings}
        if made.per_layer_inputs is not None:  # which take the places of pictures for what they are
            inputs["per_layer_inputs"] = made.per_layer_inputs
        if (
            deeper and deeper[0].shape[-1]
        ):  # DeepStack: features for the layers behind the first, (layers, places, width)
            layers = mx.concatenate(deeper)
            inputs["deepstack_visual_embeds"] = layers.reshape(len(layers), -1, width).transpose(1, 0, 2)
            inputs["visual_pos_masks"] = taken
        return inputs


def _positions(places: Any, shape: tuple[int, int], media: Sequence[EncodedMedia | None]) -> Any:
    """Positions of the next tokens, (3, rows, tokens): behind the row's last one, unless a picture says otherwise.

    The cache holds them counted from 1, because padding is 0.
    """
    rows, length = shape
    last = mx.zeros((rows, 1), mx.int32)
    if not places.empty() and (before := places.keys_and_values()[0]).shape[2]:
        last = before[:, 0, -1].max(axis=-1, keepdims=True)
    positions = mx.broadcast_to((last + mx.arange(1, length + 1, dtype=mx.int32))[..., None], (rows, length, 3))
    for row, encoded in enumerate(media):
        if encoded is not None and encoded.positions is not None:
            own = mx.array(encoded.positions.T + 1)
            positions[row, : len(own)] = own
    places.update_and_fetch(positions[:, None], mx.zeros((rows, 1, length, 1), mx.int32))
    return (positions - 1).transpose(2, 0, 1)


def _ours(layer: Any) -> Any:
    """The cache of the text engine that does what an architecture's own does."""
    kind = type(layer).__name__
    if kind == KVCache.__name__:
        return KVCache()
    if kind == RotatingKVCache.__name__:
        return RotatingKVCache(max_size=layer.max_size, keep=layer.keep)
    raise UnsupportedArchitecture(f"its layers keep a {kind}, which has no place in the batch here")

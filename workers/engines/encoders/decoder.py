"""Text models of mlx-lm as encoders: the states of their last layer, normalised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx_lm import utils

from workers.engines.encoders import rotation

NAMES: Mapping[str, str] = {}
ROOT = "embed_tokens.weight"
_MODEL = "model."


class Decoder(nn.Module):
    """The layers of a text model; without `causal` every token sees all others, so padding has to be masked."""

    def __init__(self, config: Mapping[str, Any], causal: bool) -> None:
        super().__init__()
        model, arguments = utils._get_classes(dict(config))
        self._whole = model(arguments.from_dict(rotation.flat(config)))
        self.model: Any = getattr(self._whole, "model", None)
        if self.model is None or (not causal and not _plain(self.model)):
            raise ValueError(f"the layers of '{config['model_type']}' cannot be run without its head")
        self.longest = config.get("max_position_embeddings")
        self.causal = causal

    def sanitize(self, weights: Mapping[str, mx.array]) -> dict[str, mx.array]:
        """The checkpoint's weights, whose names begin with the root's module, as mlx-lm's model wants them."""
        whole = {
            _MODEL + name if name.split(".")[0] in self.model else name: weight for name, weight in weights.items()
        }
        if hasattr(self._whole, "sanitize"):
            whole = self._whole.sanitize(whole)
        del self._whole
        return whole

    def __call__(self, ids: mx.array, mask: mx.array | None = None, types: mx.array | None = None) -> mx.array:
        """States (texts, tokens, width) of ids (texts, tokens), padded on their right where `mask` is false."""
        if self.causal:
            return self.model(ids)
        seen = None if mask is None else mask[:, None, None, :]
        states = self.model.embed_tokens(ids)
        for layer in self.model.layers:
            states = layer(states, seen, None)
        return self.model.norm(states)


def network(config: Mapping[str, Any]) -> Decoder:
    """A text model of these sizes; raises ValueError where mlx-lm does not know its architecture."""
    return Decoder(config, causal=config.get("is_causal", True) and not config.get("use_bidirectional_attention"))


def _plain(model: Any) -> bool:
    return all(hasattr(model, part) for part in ("embed_tokens", "layers", "norm"))

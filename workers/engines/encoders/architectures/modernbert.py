"""ModernBERT, mlx-embeddings' network with masks of our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlx.core as mx
from mlx_embeddings.models.modernbert import ModelArgs, ModernBertModel

from workers.engines.encoders.architectures.gemma3_text import window
from workers.engines.encoders.transformer import activation

NAMES: Mapping[str, str] = {}
ROOT = "embeddings.tok_embeddings.weight"


class ModernBert(ModernBertModel):
    """ModernBERT's layers, of which some see only tokens near by.

    mlx-embeddings adds numbers where a mask is to be; they leave padding tokens nothing to see, and in half precision
    that is no number, which spoils the others. And it takes the approximation of the activation for the exact one.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(ModelArgs.from_dict(dict(config)))
        self.longest = config.get("max_position_embeddings")
        for layer in self.layers:
            layer.mlp.act = activation(config.get("hidden_activation", "gelu"))

    def __call__(self, ids: mx.array, mask: mx.array | None = None, types: mx.array | None = None) -> mx.array:
        """States (texts, tokens, width) of ids (texts, tokens); `mask` is false where a text is padded."""
        far = None if mask is None else mask[:, None, None, :]
        near = window(ids.shape[1], self.config.local_attention // 2, far)
        states = self.embeddings(ids)
        for layer in self.layers:
            (states,) = layer(states, attention_mask=far, sliding_window_mask=near)
        return self.final_norm(states)


def network(config: Mapping[str, Any]) -> ModernBert:
    """ModernBERT of these sizes."""
    kinds = config.get("rope_parameters") or {}
    bases = {
        name: kinds[kind]["rope_theta"]
        for kind, name in (("full_attention", "global_rope_theta"), ("sliding_attention", "local_rope_theta"))
        if kind in kinds
    }
    return ModernBert({**config, **bases})

"""EmbeddingGemma: Gemma 3 whose tokens see all others, in most layers those near by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlx.core as mx

from workers.engines.encoders import decoder
from workers.engines.encoders.decoder import NAMES, ROOT, Decoder

__all__ = ["NAMES", "ROOT", "network"]
_PATTERN = 6  # layers, of which the last sees all tokens


class EmbeddingGemma(Decoder):
    """Gemma 3's layers with two masks: half the window to each side of a token, and all of the text."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config, causal=False)
        self._window, self._pattern = config["sliding_window"] // 2, config["sliding_window_pattern"]

    def __call__(self, ids: mx.array, mask: mx.array | None = None, types: mx.array | None = None) -> mx.array:
        """States (texts, tokens, width) of ids (texts, tokens); `mask` is false where a text is padded."""
        far = None if mask is None else mask[:, None, None, :]
        near = window(ids.shape[1], self._window, far)
        states = self.model.embed_tokens(ids)
        states = states * mx.array(states.shape[-1] ** 0.5, states.dtype)
        for number, layer in enumerate(self.model.layers, 1):
            states = layer(states, near if number % self._pattern else far, None)
        return self.model.norm(states)


def window(tokens: int, reach: int, mask: mx.array | None) -> mx.array:
    """Which tokens see which: those at most `reach` away that the mask (broadcastable) shows, and always themselves.

    A padding token sees itself so that no row is empty: its states would be no numbers, and spoil the others'.
    """
    at = mx.arange(tokens)
    distance = mx.abs(at[:, None] - at[None, :])
    near = distance <= reach
    return near if mask is None else (near & mask) | (distance == 0)


def network(config: Mapping[str, Any]) -> Decoder:
    """Gemma 3 of these sizes, causal unless config.json says otherwise."""
    pattern = config.get("sliding_window_pattern") or config.get("_sliding_window_pattern") or _PATTERN
    kinds = config.get("rope_parameters") or {}
    bases = {
        name: kinds[kind]["rope_theta"]
        for kind, name in (("full_attention", "rope_theta"), ("sliding_attention", "rope_local_base_freq"))
        if kind in kinds
    }
    sizes = {"sliding_window": 512, **config, **bases, "sliding_window_pattern": pattern}
    return EmbeddingGemma(sizes) if config.get("use_bidirectional_attention") else decoder.network(sizes)

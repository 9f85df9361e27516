"""jina-embeddings-v3: XLM-RoBERTa with rotary positions; its adapters (LoRA) are left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.engines.encoders import rotation
from workers.engines.encoders.architectures import bert
from workers.engines.encoders.transformer import Rotary, Shape, Transformer

ROOT = bert.ROOT
NAMES = {
    ".parametrizations.weight.original": ".weight",
    **bert.EMBEDDINGS,
    **bert.FLASH_ATTENTION,
}


def network(config: Mapping[str, Any]) -> Transformer:
    """jina-embeddings-v3 of these sizes."""
    return Transformer(
        Shape(
            vocabulary=config["vocab_size"],
            width=config["hidden_size"],
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            inner=config["intermediate_size"],
            longest=config["max_position_embeddings"],
            eps=config.get("layer_norm_eps", 1e-5),
            activation=config.get("hidden_act", "gelu"),
            types=config.get("type_vocab_size", 1),
            rotary=Rotary(rotation.base(config, "rotary_emb_base", 20_000.0)),
        )
    )

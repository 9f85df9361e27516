"""DistilBERT: BERT without types of segments, under names of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.engines.encoders.architectures import bert
from workers.engines.encoders.transformer import Shape, Transformer

ROOT = bert.ROOT
NAMES = {
    **bert.EMBEDDINGS,
    "transformer.layer.": "layers.",
    "attention.q_lin.": "qkv.0.",
    "attention.k_lin.": "qkv.1.",
    "attention.v_lin.": "qkv.2.",
    "attention.out_lin.": "out.",
    "sa_layer_norm.": "attention_norm.",
    "ffn.lin1.": "up.",
    "ffn.lin2.": "down.",
    "output_layer_norm.": "output_norm.",
}


def network(config: Mapping[str, Any]) -> Transformer:
    """DistilBERT of these sizes."""
    positions = config["max_position_embeddings"]
    return Transformer(
        Shape(
            vocabulary=config["vocab_size"],
            width=config["dim"],
            layers=config["n_layers"],
            heads=config["n_heads"],
            inner=config["hidden_dim"],
            longest=positions,
            activation=config.get("activation", "gelu"),
            positions=positions,
        )
    )

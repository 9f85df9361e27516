"""GTE's own encoder (multilingual base, v1.5): rotary positions and a gated feed-forward network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.engines.encoders import rotation
from workers.engines.encoders.architectures import bert
from workers.engines.encoders.transformer import Rotary, Shape, Transformer

ROOT = bert.ROOT
NAMES = {
    **bert.EMBEDDINGS,
    "encoder.layer.": "layers.",
    "attention.qkv_proj.": "qkv.",
    "attention.o_proj.": "out.",
    "attn_ln.": "attention_norm.",
    "mlp_ln.": "output_norm.",
    "mlp.up_gate_proj.": "up.",
    "mlp.down_proj.": "down.",
}


def network(config: Mapping[str, Any]) -> Transformer:
    """GTE of these sizes."""
    if (
        config.get("position_embedding_type", "rope") != "rope"
        or config.get("layer_norm_type", "layer_norm") != "layer_norm"
    ):
        raise ValueError("of this architecture only rotary positions with LayerNorm are known")
    if config.get("logn_attention_scale"):
        raise ValueError("its attention grows with the length of the text (logn_attention_scale), which is not known")
    return Transformer(
        Shape(
            vocabulary=config["vocab_size"],
            width=config["hidden_size"],
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            inner=config["intermediate_size"],
            longest=config["max_position_embeddings"],
            eps=config.get("layer_norm_eps", 1e-12),
            activation=config.get("hidden_act", "gelu"),
            types=config.get("type_vocab_size", 0),
            rotary=Rotary(rotation.base(config, "rope_theta", 160_000.0), rotation.factor(config)),
            gated=True,
            unbiased=frozenset({"up"}),
        )
    )

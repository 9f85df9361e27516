"""Nomic's BERT: rotary positions and a gated feed-forward network, without biases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.engines.encoders import rotation
from workers.engines.encoders.architectures import bert
from workers.engines.encoders.transformer import Rotary, Shape, Transformer

ROOT = bert.ROOT
NAMES = {
    **bert.EMBEDDINGS,
    "emb_ln.": "norm.",
    "encoder.layers.": "layers.",
    "attn.Wqkv.": "qkv.",
    "attn.out_proj.": "out.",
    "norm1.": "attention_norm.",
    "norm2.": "output_norm.",
    "mlp.fc11.": "up.0.",
    "mlp.fc12.": "up.1.",
    "mlp.fc2.": "down.",
}
# Its authors' own files name sizes as GPT-2 does, those that transformers writes as BERT does.
_GPT2 = {
    "n_embd": "hidden_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_inner": "intermediate_size",
    "n_positions": "max_position_embeddings",
    "layer_norm_epsilon": "layer_norm_eps",
    "activation_function": "hidden_act",
}
_GATES = {"swiglu": "silu", "silu": "silu", "geglu": "gelu"}


def network(config: Mapping[str, Any]) -> Transformer:
    """Nomic's BERT of these sizes."""
    sizes = {_GPT2.get(name, name): value for name, value in config.items()}
    gate = _GATES.get(sizes.get("hidden_act", "silu"))
    if gate is None or sizes.get("num_experts") or sizes.get("prenorm") or sizes.get("rotary_emb_interleaved"):
        raise ValueError("of this architecture only the dense, gated kind of nomic-embed-text 1 and 1.5 is known")
    bias = {
        "qkv": sizes.get("qkv_proj_bias", False),
        "out": sizes.get("qkv_proj_bias", False),
        "up": sizes.get("mlp_fc1_bias", False),
        "down": sizes.get("mlp_fc2_bias", False),
    }
    return Transformer(
        Shape(
            vocabulary=sizes["vocab_size"],
            width=sizes["hidden_size"],
            layers=sizes["num_hidden_layers"],
            heads=sizes["num_attention_heads"],
            inner=sizes["intermediate_size"],
            longest=sizes["max_position_embeddings"],
            eps=sizes.get("layer_norm_eps", 1e-12),
            activation=gate,
            types=sizes.get("type_vocab_size", 2),
            rotary=Rotary(rotation.base(config, "rotary_emb_base", 1000.0)),
            gated=True,
            unbiased=frozenset(name for name, has in bias.items() if not has),
        )
    )

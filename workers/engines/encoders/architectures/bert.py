"""BERT, and what is built as it is: MiniLM, BGE, E5, GTE, Arctic Embed, mxbai."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workers.engines.encoders.transformer import Shape, Transformer

ROOT = "words.weight"
EMBEDDINGS = {
    "LayerNorm.gamma": "LayerNorm.weight",
    "LayerNorm.beta": "LayerNorm.bias",
    "embeddings.word_embeddings.": "words.",
    "embeddings.position_embeddings.": "positions.",
    "embeddings.token_type_embeddings.": "types.",
    "embeddings.LayerNorm.": "norm.",
}
FLASH_ATTENTION = {  # as flash-attn's own BERT calls its layers
    "emb_ln.": "norm.",
    "encoder.layers.": "layers.",
    "mixer.Wqkv.": "qkv.",
    "mixer.out_proj.": "out.",
    "norm1.": "attention_norm.",
    "norm2.": "output_norm.",
    "mlp.fc1.": "up.",
    "mlp.fc2.": "down.",
}
NAMES = {
    **EMBEDDINGS,
    "encoder.layer.": "layers.",
    "attention.self.query.": "qkv.0.",
    "attention.self.key.": "qkv.1.",
    "attention.self.value.": "qkv.2.",
    "attention.output.dense.": "out.",
    "attention.output.LayerNorm.": "attention_norm.",
    "intermediate.dense.": "up.",
    "output.dense.": "down.",
    "output.LayerNorm.": "output_norm.",
}


def network(config: Mapping[str, Any], first: int = 0) -> Transformer:
    """BERT of these sizes, whose first position is `first`."""
    kind = config.get("position_embedding_type", "absolute")
    if kind != "absolute":
        raise ValueError(f"its positions are '{kind}', and only 'absolute' ones are known for this architecture")
    return Transformer(replace(shape(config, first), types=config.get("type_vocab_size", 2)))


def shape(config: Mapping[str, Any], first: int) -> Shape:
    """The sizes that BERT and MPNet name alike."""
    positions = config["max_position_embeddings"]
    return Shape(
        vocabulary=config["vocab_size"],
        width=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        inner=config["intermediate_size"],
        longest=positions - first,
        eps=config.get("layer_norm_eps", 1e-12),
        activation=config.get("hidden_act", "gelu"),
        positions=positions,
        first=first,
    )

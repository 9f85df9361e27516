"""MPNet: RoBERTa without types of segments, whose attention is biased by distance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workers.engines.encoders.architectures import bert
from workers.engines.encoders.transformer import Transformer

_FIRST = 2  # its padding token has the id 1, whatever config.json says
ROOT = bert.ROOT
NAMES = {
    **bert.EMBEDDINGS,
    "encoder.relative_attention_bias.": "distances.",
    "encoder.layer.": "layers.",
    "attention.attn.q.": "qkv.0.",
    "attention.attn.k.": "qkv.1.",
    "attention.attn.v.": "qkv.2.",
    "attention.attn.o.": "out.",
    "attention.LayerNorm.": "attention_norm.",
    "intermediate.dense.": "up.",
    "output.dense.": "down.",
    "output.LayerNorm.": "output_norm.",
}


def network(config: Mapping[str, Any]) -> Transformer:
    """MPNet of these sizes."""
    return Transformer(replace(bert.shape(config, _FIRST), buckets=config.get("relative_attention_num_buckets", 32)))

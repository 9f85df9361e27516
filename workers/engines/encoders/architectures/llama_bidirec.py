"""Llama Nemotron's embedding models: Llama whose tokens see all others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.engines.encoders.decoder import NAMES, ROOT, Decoder

__all__ = ["NAMES", "ROOT", "network"]


def network(config: Mapping[str, Any]) -> Decoder:
    """Llama of these sizes."""
    return Decoder({**config, "model_type": "llama"}, causal=False)

"""RoBERTa: BERT whose positions begin behind that of its padding token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.engines.encoders.architectures import bert
from workers.engines.encoders.transformer import Transformer

ROOT = bert.ROOT
NAMES = {**bert.NAMES, **bert.FLASH_ATTENTION}  # jina-reranker-v2 has the latter


def network(config: Mapping[str, Any]) -> Transformer:
    """RoBERTa of these sizes."""
    return bert.network({"type_vocab_size": 1, **config}, config.get("pad_token_id", 1) + 1)

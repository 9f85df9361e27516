"""Our own stack, as the others are measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.report import weights
from bench.report.chats import Server
from bench.report.measurement import OURS
from bench.stacks import served

ENTRIES: dict[str, dict[str, Any]] = {
    weights.TEXT: {"model_type": "lm", "batch_completion_size": 32},
    weights.VECTORS: {"model_type": "embeddings", "vector_cache_max_bytes": 0},
}


def entry(model: str) -> dict[str, Any]:
    """A starter model in the models' file."""
    return {"model_path": str(weights.folder(model)), "served_model_name": model, **ENTRIES[model]}


@contextmanager
def ours(*models: str) -> Iterator[Server]:
    """A stack with starter models; the server speaks for the first of them."""
    with served([entry(model) for model in models], MLXQ_LOG_LEVEL="WARNING") as stack:
        yield Server(OURS, stack.url, models[0], stack.supervisor.pid)

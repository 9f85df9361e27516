"""The starter models, each loaded once a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlxq.entries.embeddings import EmbeddingsEntry
from mlxq.entries.lm import LmEntry
from mlxq.settings import Settings
from tests.support import starter

if TYPE_CHECKING:
    from workers.engines.embeddings import EmbeddingEngine
    from workers.engines.lm import TextEngine


@pytest.fixture(scope="session")
def text_engine() -> TextEngine:
    from workers.engines import lm

    path = str(starter.folder("smollm2-135m-instruct"))
    return lm.load(LmEntry(model_path=path, context_length=600, batch_completion_size=16), Settings())


@pytest.fixture(scope="session")
def embedding_engine() -> EmbeddingEngine:
    from workers.engines import embeddings

    return embeddings.load(
        EmbeddingsEntry(model_path=str(starter.folder("all-minilm-l6-v2")), vector_cache_max_bytes=0), Settings()
    )

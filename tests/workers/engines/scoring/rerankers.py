"""The tiny rerankers of `fixtures/`, what is expected of them, and how they are asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlxq.entries.rerank import RerankEntry
from mlxq.settings import Settings
from tasks.values import events
from tasks.values.job import Job
from tasks.values.requests import ScoreRequest
from tests.workers.engines.rows import Batch, job, run
from workers.engines import rerank
from workers.engines.rerank import RerankEngine

FIXTURES = Path(__file__).parent / "fixtures"
CROSS_ENCODERS = ("bert", "distilbert", "modernbert", "xlm_roberta")
GENERATIVE = ("qwen3", "qwen3_classifier")
NEAR = 1e-4


def expected(name: str) -> dict[str, Any]:
    """The pairs of a fixture and what its authors' libraries make of them."""
    return dict(json.loads((FIXTURES / name / "expected.json").read_text()))


def pairs(name: str) -> list[tuple[str, str]]:
    """The queries and documents of a fixture."""
    return [(query, document) for query, document in expected(name)["pairs"]]


def load(path: str | Path, **keys: Any) -> RerankEngine:
    """The engine of a fixture, or of a folder."""
    return rerank.load(RerankEntry(model_path=str(FIXTURES / path), **keys), Settings())


def asking(queries: str | Sequence[str], documents: Sequence[str], **more: Any) -> Job:
    """A job that asks for scores, which cuts what is too long."""
    given = {"truncate": True, "query_param": "query", "document_param": "documents", **more}
    return job(
        ScoreRequest(
            queries=(queries,) if isinstance(queries, str) else tuple(queries), documents=tuple(documents), **given
        )
    )


def told(batch: Batch, name: str = "0") -> list[float]:
    """The scores of a row that has ended."""
    assert isinstance(batch.heard[name][-1], events.Done), batch.heard[name][-1]
    found = {event.index: event.score for event in batch.heard[name] if isinstance(event, events.Score)}
    return [found[index] for index in range(len(found))]


def scores(engine: RerankEngine, pairs: Sequence[tuple[str, str]], **more: Any) -> list[float]:
    """The scores of pairs, asked for by one job."""
    queries, documents = zip(*pairs, strict=True)
    return told(run(engine, asking(queries, documents, **more)))

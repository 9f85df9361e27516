"""Scores as a list of documents, best first: Cohere's answer with what Jina's and vLLM's hold beside it."""

from __future__ import annotations

from typing import Any

import msgspec

from tasks.values import results
from tasks.values.job import Job
from tasks.values.requests import ScoreRequest
from web.endpoint import Rendered

SEARCH_UNIT = 100  # documents, as Cohere counts


def v1(job: Job, result: results.Result) -> Rendered:
    """The whole answer; documents come back unless they are not wanted, as Jina and vLLM have it."""
    return _body(job, result, "1", job.options.return_documents is not False)


def v2(job: Job, result: results.Result) -> Rendered:
    """The whole answer; documents come back where they are wanted, as Cohere's second version has it."""
    return _body(job, result, "2", job.options.return_documents is True)


def _body(job: Job, result: results.Result, version: str, documents: bool) -> Rendered:
    assert isinstance(result, results.ScoresResult)  # noqa: S101  (a reranking's events fold to nothing else)
    assert isinstance(job.payload, ScoreRequest)  # noqa: S101  (the endpoint makes nothing else)
    sent = job.options.documents or job.payload.documents
    best = sorted(range(len(result.scores)), key=lambda index: -result.scores[index])[: job.options.top_n]
    tokens = result.usage.prompt_tokens
    answer = {
        "id": f"rerank-{job.id.removeprefix('job_')}",
        "object": "list",
        "model": job.model,
        "results": [
            {
                "index": index,
                "relevance_score": result.scores[index],
                **({"document": _document(sent[index])} if documents else {}),
            }
            for index in best
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        "meta": {
            "api_version": {"version": version},
            "billed_units": {"search_units": -(-len(result.scores) // SEARCH_UNIT)},
            "tokens": {"input_tokens": tokens},
        },
    }
    return Rendered(msgspec.json.encode(answer))


def _document(sent: str | dict[str, Any]) -> dict[str, Any]:
    return {"text": sent} if isinstance(sent, str) else sent

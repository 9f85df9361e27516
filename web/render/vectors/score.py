"""Scores in the order of their documents, as vLLM tells them."""

from __future__ import annotations

import msgspec

from tasks.values import results
from tasks.values.job import Job
from web.endpoint import Rendered


def body(job: Job, result: results.Result) -> Rendered:
    """The whole answer."""
    assert isinstance(result, results.ScoresResult)  # noqa: S101  (a scoring's events fold to nothing else)
    tokens = result.usage.prompt_tokens
    answer = {
        "id": f"score-{job.id.removeprefix('job_')}",
        "object": "list",
        "created": job.created // 1000,
        "model": job.model,
        "data": [{"index": index, "object": "score", "score": score} for index, score in enumerate(result.scores)],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    return Rendered(msgspec.json.encode(answer))

"""Token ids and their number, as vLLM shows them."""

from __future__ import annotations

import msgspec

from tasks.values import results
from tasks.values.job import Job
from web.endpoint import Rendered


def body(job: Job, result: results.Result) -> Rendered:
    """The whole answer."""
    assert isinstance(result, results.TokensResult)  # noqa: S101  (its events fold to nothing else)
    answer = {
        "tokens": result.tokens,
        "count": len(result.tokens),
        "max_model_len": job.options.max_model_len,
    }
    return Rendered(msgspec.json.encode(answer))

"""A conversation's prompt, as text and as token ids."""

from __future__ import annotations

import msgspec

from tasks.values import results
from tasks.values.job import Job
from web.endpoint import Rendered


def body(job: Job, result: results.Result) -> Rendered:
    """The whole answer."""
    del job
    assert isinstance(result, results.TokensResult)  # noqa: S101  (its events fold to nothing else)
    answer = {"prompt": result.text, "tokens": result.tokens, "count": len(result.tokens)}
    return Rendered(msgspec.json.encode(answer))

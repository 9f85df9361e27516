"""The number of a prompt's tokens, as Anthropic's API shows it."""

from __future__ import annotations

import msgspec

from tasks.values import results
from tasks.values.job import Job
from web.endpoint import Rendered


def body(job: Job, result: results.Result) -> Rendered:
    """The whole answer."""
    del job
    assert isinstance(result, results.TokensResult)  # noqa: S101  (its events fold to nothing else)
    return Rendered(msgspec.json.encode({"input_tokens": len(result.tokens)}))

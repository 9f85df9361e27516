"""What every text endpoint's answers have in common."""

from __future__ import annotations

from typing import Any

from tasks.values import events
from tasks.values.job import Job

UNLIKELY = -9999.0  # OpenAI's number for a log probability of minus infinity, which JSON cannot write


def head(job: Job, prefix: str, kind: str) -> dict[str, Any]:
    """The beginning of an answer, and of each of its chunks."""
    return {
        "id": prefix + job.id.removeprefix("job_"),
        "object": kind,
        "created": job.created // 1000,
        "model": job.model,
    }


def usage(used: events.Usage) -> dict[str, Any]:
    """Tokens as every text endpoint counts them."""
    return {
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.completion_tokens,
        "total_tokens": used.prompt_tokens + used.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": used.cached_tokens},
    }


def logprob(token: events.TokenLogprob) -> float:
    """A token's log probability as a number."""
    return UNLIKELY if token.logprob is None else token.logprob

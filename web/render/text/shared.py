"""What every text endpoint's answers have in common."""

from __future__ import annotations

from typing import Any

from tasks.values import events
from tasks.values.job import Job
from tasks.values.requests import Sampling

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


class SoFar:
    """What a stream has used so far, for clients that want it in every chunk."""

    def __init__(self, job: Job) -> None:
        self._wanted = isinstance(job.payload, Sampling) and job.payload.count_tokens
        self._prompt = self._said = 0

    def hear(self, event: events.Event) -> None:
        """Count what an event tells; an attempt that begins anew counts anew."""
        if isinstance(event, events.Started):
            self._prompt, self._said = event.prompt_tokens, 0
        elif isinstance(event, events.Delta):
            self._said += event.tokens

    def shown(self) -> dict[str, Any]:
        """The chunk's usage, where it has one."""
        return {"usage": usage(events.Usage(self._prompt, self._said))} if self._wanted else {}

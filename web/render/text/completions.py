"""A completion's answers as `text_completion`, whole and in chunks of the same form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from tasks.values import events, results
from tasks.values.events import TokenLogprob
from tasks.values.job import Job
from tasks.values.requests import CompletionRequest
from web.endpoint import Rendered
from web.render.text import shared as text


def body(job: Job, result: results.Result) -> Rendered:
    """The whole answer."""
    assert isinstance(result, results.TextResult)  # noqa: S101  (a completion's events fold to nothing else)
    choices = [
        _choice(job, index, choice.text, choice.logprobs, choice.finish_reason)
        for index, choice in enumerate(result.choices)
    ]
    return Rendered(msgspec.json.encode({**_head(job), "choices": choices, "usage": text.usage(result.usage)}))


def chunks(job: Job) -> Callable[[events.Event], Iterator[object]]:
    """Turns one event after the other into chunks: text, the last of each answer with the reason, and usage."""
    with_usage = job.options.include_usage
    head = {**_head(job), **({"usage": None} if with_usage else {})}

    so_far = text.SoFar(job)

    def render(event: events.Event) -> Iterator[object]:
        so_far.hear(event)
        if isinstance(event, events.Delta) and (event.text or event.logprobs or event.finish_reason):
            yield {
                **head,
                **so_far.shown(),
                "choices": [_choice(job, event.index, event.text, event.logprobs, event.finish_reason)],
            }
        elif isinstance(event, events.Done) and with_usage:
            yield {**head, "choices": [], "usage": text.usage(event.usage)}

    return render


def _head(job: Job) -> dict[str, Any]:
    return text.head(job, "cmpl-", "text_completion")


def _choice(job: Job, index: int, text: str, tokens: Sequence[TokenLogprob], reason: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": _logprobs(job, tokens), "finish_reason": reason}


def _logprobs(job: Job, tokens: Sequence[TokenLogprob]) -> dict[str, Any] | None:
    assert isinstance(job.payload, CompletionRequest)  # noqa: S101  (its endpoint makes nothing else)
    if job.payload.logprobs is None:
        return None
    return {
        "tokens": [token.token for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [None if token.logprob is None else _top(token) for token in tokens],
        "text_offset": [token.offset for token in tokens],
    }


def _top(token: TokenLogprob) -> dict[str, float]:
    """The alternatives by their text, and the token itself among them; of two with one text, the likelier."""
    shown: dict[str, float] = {}
    for other in token.top:
        shown.setdefault(other.token, text.logprob(other))
    return {**shown, token.token: text.logprob(token)}

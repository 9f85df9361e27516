"""A chat's answer as `chat.completion` and as `chat.completion.chunk`s."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from tasks import events, fold
from tasks.events import TokenLogprob
from tasks.job import Job
from tasks.requests import ChatRequest
from web.endpoint import Rendered
from web.render import text

_PREFIX = "chatcmpl-"


def body(job: Job, result: fold.Result) -> Rendered:
    """The whole answer."""
    assert isinstance(result, fold.TextResult)  # noqa: S101  (a chat's events fold to nothing else)
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": choice.text, "refusal": None},
            "logprobs": _logprobs(job, choice.logprobs),
            "finish_reason": choice.finish_reason,
        }
        for index, choice in enumerate(result.choices)
    ]
    answer = {**text.head(job, _PREFIX, "chat.completion"), "choices": choices, "usage": text.usage(result.usage)}
    return Rendered(msgspec.json.encode(answer))


def chunks(job: Job) -> Callable[[events.Event], Iterator[object]]:
    """Turns one event after the other into chunks: each role first, then text, the reason for each end, and usage."""
    with_usage = bool(job.options.get("include_usage"))
    head = {**text.head(job, _PREFIX, "chat.completion.chunk"), **({"usage": None} if with_usage else {})}
    begun: set[int] = set()

    def chunk(index: int, delta: dict[str, str], logprobs: object = None, reason: str | None = None) -> object:
        return {**head, "choices": [{"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}]}

    def begin(index: int) -> Iterator[object]:
        if index not in begun:
            begun.add(index)
            yield chunk(index, {"role": "assistant", "content": ""})

    def render(event: events.Event) -> Iterator[object]:
        if isinstance(event, events.Started):
            yield from begin(0)
        elif isinstance(event, events.Delta):
            yield from begin(event.index)
            if event.text or event.logprobs:
                yield chunk(event.index, {"content": event.text}, _logprobs(job, event.logprobs))
            if event.finish_reason is not None:
                yield chunk(event.index, {}, reason=event.finish_reason)
        elif isinstance(event, events.Done) and with_usage:
            yield {**head, "choices": [], "usage": text.usage(event.usage)}

    return render


def _logprobs(job: Job, tokens: Sequence[TokenLogprob]) -> dict[str, Any] | None:
    assert isinstance(job.payload, ChatRequest)  # noqa: S101  (its endpoint makes nothing else)
    if job.payload.logprobs is None:
        return None
    content = [{**_token(token), "top_logprobs": [_token(other) for other in token.top]} for token in tokens]
    return {"content": content, "refusal": None}


def _token(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, "logprob": text.logprob(token), "bytes": list(base64.b64decode(token.bytes))}

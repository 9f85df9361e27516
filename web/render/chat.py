"""A chat's answer as `chat.completion` and as `chat.completion.chunk`s."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from tasks import events, fold
from tasks.job import Job
from web.endpoint import Rendered


def completion_id(job: Job) -> str:
    """OpenAI's id of a job's answer."""
    return "chatcmpl-" + job.id.removeprefix("job_")


def usage(used: events.Usage) -> dict[str, Any]:
    """Tokens as every text endpoint counts them."""
    return {
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.completion_tokens,
        "total_tokens": used.prompt_tokens + used.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": used.cached_tokens},
    }


def body(job: Job, result: fold.Result) -> Rendered:
    """The whole answer."""
    assert isinstance(result, fold.TextResult)  # noqa: S101  (a chat's events fold to nothing else)
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": choice.text, "refusal": None},
            "logprobs": None,
            "finish_reason": choice.finish_reason,
        }
        for index, choice in enumerate(result.choices)
    ]
    answer = {**_head(job, "chat.completion"), "choices": choices, "usage": usage(result.usage)}
    return Rendered(msgspec.json.encode(answer))


def chunks(job: Job) -> Callable[[events.Event], Iterator[object]]:
    """Turns one event after the other into chunks: the role first, then text, the reason for the end, and usage."""
    with_usage = bool(job.options.get("include_usage"))
    head = {**_head(job, "chat.completion.chunk"), **({"usage": None} if with_usage else {})}
    begun: set[int] = set()

    def chunk(index: int, delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}]}

    def begin(index: int) -> Iterator[object]:
        if index not in begun:
            begun.add(index)
            yield chunk(index, {"role": "assistant", "content": ""})

    def render(event: events.Event) -> Iterator[object]:
        if isinstance(event, events.Started):
            yield from begin(0)
        elif isinstance(event, events.Delta):
            yield from begin(event.index)
            if event.text:
                yield chunk(event.index, {"content": event.text})
            if event.finish_reason is not None:
                yield chunk(event.index, {}, event.finish_reason)
        elif isinstance(event, events.Done) and with_usage:
            yield {**head, "choices": [], "usage": usage(event.usage)}

    return render


def _head(job: Job, kind: str) -> dict[str, Any]:
    return {"id": completion_id(job), "object": kind, "created": job.created // 1000, "model": job.model}

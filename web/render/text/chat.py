"""A chat's answer as `chat.completion` and as `chat.completion.chunk`s."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tasks.values import events, results
from tasks.values.chat_completion import PREFIX
from tasks.values.events import CallDelta, TokenLogprob
from tasks.values.job import Job
from tasks.values.requests import ChatRequest
from web.endpoint import Rendered
from web.render.text import custom_calls
from web.render.text import shared as text
from web.render.text.custom_calls import CustomCalls


def body(job: Job, result: results.Result) -> Rendered:
    """The whole answer."""
    return Rendered(msgspec.json.encode(answer(job, result)))


def answer(job: Job, result: results.Result) -> dict[str, Any]:
    """The `chat.completion` of a job that is done."""
    assert isinstance(result, results.TextResult)  # noqa: S101  (a chat's events fold to nothing else)
    choices = [
        {
            "index": index,
            "message": _message(job, choice),
            "logprobs": _logprobs(job, choice.logprobs),
            "finish_reason": _reason(job, choice.finish_reason),
        }
        for index, choice in enumerate(result.choices)
    ]
    return {**text.head(job, PREFIX, "chat.completion"), "choices": choices, "usage": _usage(result.usage)}


def _message(job: Job, choice: results.Choice) -> dict[str, Any]:
    custom = CustomCalls(job)
    calls = [
        custom_calls.shown(call)
        if call.name in custom
        else {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in choice.calls
    ]
    return {
        "role": "assistant",
        "content": choice.text or (None if calls else ""),
        "refusal": None,
        "annotations": [],
        **({"reasoning_content": choice.reasoning} if choice.reasoning else {}),
        **(_called(job, calls) if calls else {}),
    }


def _called(job: Job, calls: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"function_call": calls[0]["function"]} if job.options.function_call else {"tool_calls": calls}


def _reason(job: Job, reason: events.FinishReason | None) -> str | None:
    """Why an answer ends, in the form in which tools were asked for."""
    return "function_call" if reason == "tool_calls" and job.options.function_call else reason


def chunks(job: Job) -> Callable[[events.Event], Iterator[object]]:
    """Turns one event after the other into chunks: each role first, then what is said, why it ends, and usage."""
    return _Chunks(job)


class _Chunks:
    """A stream. Where tools may be called, content begins as null, which is what it is if only calls follow."""

    def __init__(self, job: Job) -> None:
        assert isinstance(job.payload, ChatRequest)  # noqa: S101  (its endpoint makes nothing else)
        self._job = job
        self._with_usage = job.options.include_usage
        self._so_far = text.SoFar(job)
        self._head = {
            **text.head(job, PREFIX, "chat.completion.chunk"),
            **({"usage": None} if self._with_usage else {}),
        }
        self._blank = None if job.payload.tools and job.payload.tool_choice.mode != "none" else ""
        self._begun: set[int] = set()
        self._spoke: set[int] = set()  # answers with text or calls
        self._custom: dict[int, CustomCalls] = {}

    def __call__(self, event: events.Event) -> Iterator[object]:
        self._so_far.hear(event)
        if isinstance(event, events.Started):
            yield from self._begin(0)
        elif isinstance(event, events.Delta):
            yield from self._begin(event.index)
            yield from self._say(event)
        elif isinstance(event, events.Done) and self._with_usage:
            yield {**self._head, "choices": [], "usage": _usage(event.usage)}

    def _begin(self, index: int) -> Iterator[object]:
        if index not in self._begun:
            self._begun.add(index)
            yield self._chunk(index, {"role": "assistant", "content": self._blank})

    def _say(self, event: events.Delta) -> Iterator[object]:
        if event.text or event.calls:
            self._spoke.add(event.index)
        parts = list(self._parts(event)) or ([{"content": self._blank}] if event.logprobs else [])
        for number, part in enumerate(parts):
            yield self._chunk(event.index, part, _logprobs(self._job, event.logprobs if number == 0 else ()))
        if event.finish_reason is not None:
            if self._blank is None and event.index not in self._spoke:
                yield self._chunk(event.index, {"content": ""})
            yield self._chunk(event.index, {}, reason=_reason(self._job, event.finish_reason))

    def _parts(self, event: events.Delta) -> Iterator[Mapping[str, object]]:
        """One delta for each thing that is told: clients look at the first call of a chunk only."""
        if event.reasoning:
            yield {"reasoning_content": event.reasoning}
        if event.text:
            yield {"content": event.text}
        custom = self._custom.setdefault(event.index, CustomCalls(self._job))
        for call in event.calls:
            yield from ({"tool_calls": [one]} for one in custom.completed(before=call.number))
            if self._job.options.function_call:
                yield {"function_call": _function(call)}
            elif not custom.takes(call):
                yield {"tool_calls": [_piece(call)]}
        if event.finish_reason is not None:
            yield from ({"tool_calls": [one]} for one in custom.completed())

    def _chunk(self, index: int, delta: object, logprobs: object = None, reason: str | None = None) -> object:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        return {**self._head, **self._so_far.shown(), "choices": [choice]}


def _piece(call: CallDelta) -> dict[str, object]:
    begun = {"id": call.id, "type": "function"} if call.id else {}
    return {"index": call.number, **begun, "function": _function(call)}


def _function(call: CallDelta) -> dict[str, object]:
    return {**({"name": call.name} if call.name else {}), "arguments": call.arguments}


def _usage(used: events.Usage) -> dict[str, Any]:
    spoken = {"audio_tokens": used.audio_tokens} if used.audio_tokens else {}
    return {**text.usage(used), "completion_tokens_details": {"reasoning_tokens": used.reasoning_tokens, **spoken}}


def _logprobs(job: Job, tokens: Sequence[TokenLogprob]) -> dict[str, Any] | None:
    assert isinstance(job.payload, ChatRequest)  # noqa: S101  (its endpoint makes nothing else)
    if job.payload.logprobs is None:
        return None
    content = [{**_token(token), "top_logprobs": [_token(other) for other in token.top]} for token in tokens]
    return {"content": content, "refusal": None}


def _token(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, "logprob": text.logprob(token), "bytes": list(base64.b64decode(token.bytes))}

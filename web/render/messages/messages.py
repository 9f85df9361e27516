"""An answer as Anthropic's `message`, and as the events of its stream."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import jiter
import msgspec

from tasks.values import events, results
from tasks.values.job import Job
from tasks.values.messages import ToolCall
from tasks.values.requests import ChatRequest
from web.endpoint import Rendered

_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def body(job: Job, result: results.Result) -> Rendered:
    """The whole answer."""
    assert isinstance(result, results.TextResult)  # noqa: S101  (a chat's events fold to nothing else)
    (choice,) = result.choices
    answer = {
        **_head(job),
        "content": [block for piece in choice.pieces() for block in _blocks(job, piece)],
        **_ended(job, choice.finish_reason, choice.stop, result.usage),
        "usage": _usage(result.usage),
    }
    return Rendered(msgspec.json.encode(answer))


def _head(job: Job) -> dict[str, Any]:
    return {
        "id": "msg_" + job.id.removeprefix("job_"),
        "type": "message",
        "role": "assistant",
        "model": job.model,
    }


def _blocks(job: Job, piece: results.Thinking | results.Text | ToolCall) -> Iterator[dict[str, Any]]:
    """The block of a piece; no block for thinking that nobody asked for."""
    if isinstance(piece, ToolCall):
        yield {"type": "tool_use", "id": _id(piece.id), "name": piece.name, "input": _input(piece.arguments)}
    elif isinstance(piece, results.Text):
        yield {"type": "text", "text": piece.text}
    elif _thinks(job):
        shown = "" if job.options.omit_thinking else piece.text
        yield {"type": "thinking", "thinking": shown, "signature": _signature(sha256(piece.text.encode()).digest())}


def _thinks(job: Job) -> bool:
    assert isinstance(job.payload, ChatRequest)  # noqa: S101  (its endpoint makes nothing else)
    return job.payload.thinking_budget != 0


def _signature(digest: bytes) -> str:
    """The signature that clients keep with thinking and send back; it is not checked here."""
    return b64encode(digest).decode()


def _id(call_id: str) -> str:
    """A call's id as Anthropic writes ours; one that the model wrote is its own."""
    return "toolu_" + call_id.removeprefix("call_") if call_id.startswith("call_") else call_id


def _input(arguments: str) -> dict[str, Any]:
    """The arguments that a model wrote; of those that were cut off as much as Anthropic's SDKs read of a stream."""
    try:
        parsed = jiter.from_json(arguments.encode(), partial_mode=True) if arguments.strip() else {}
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _ended(job: Job, reason: events.FinishReason | None, stop: str | None, usage: events.Usage) -> dict[str, Any]:
    """Why an answer ended."""
    assert isinstance(job.payload, ChatRequest)  # noqa: S101  (its endpoint makes nothing else)
    if reason == "length" and usage.completion_tokens < (job.payload.max_tokens or 0):
        return {"stop_reason": "model_context_window_exceeded", "stop_sequence": None}
    if reason == "stop" and stop is not None:
        return {"stop_reason": "stop_sequence", "stop_sequence": stop}
    return {"stop_reason": _REASONS[reason or "stop"], "stop_sequence": None}


def _usage(used: events.Usage) -> dict[str, Any]:
    """Tokens as Anthropic counts them: those that were computed, and those that a cache had."""
    return {
        "input_tokens": used.prompt_tokens - used.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": used.cached_tokens,
        "output_tokens": used.completion_tokens,
        "output_tokens_details": {"thinking_tokens": used.reasoning_tokens},
    }


def chunks(job: Job) -> Callable[[events.Event], Iterator[object]]:
    """Turns one event after the other into those of Anthropic's stream: one block after the other, and its end."""
    return _Chunks(job)


class _Chunks:
    """A stream."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._begun = False
        self._index = -1  # of the block that was begun last
        self._open: str | None = None  # its type, until it is stopped
        self._thought = sha256()
        self._call = -1  # the number of the call whose block is open
        self._written = False  # anything of its arguments
        self._reason: events.FinishReason | None = None
        self._stop: str | None = None

    def __call__(self, event: events.Event) -> Iterator[object]:
        if isinstance(event, events.Started):
            yield from self._begin(event.prompt_tokens)
        elif isinstance(event, events.Delta):
            yield from self._begin(0)
            yield from self._say(event)
            self._reason, self._stop = event.finish_reason or self._reason, event.stop or self._stop
        elif isinstance(event, events.Done):
            yield from self._begin(event.usage.prompt_tokens)
            yield from self._close()
            yield {
                "type": "message_delta",
                "delta": _ended(self._job, self._reason, self._stop, event.usage),
                "usage": _usage(event.usage),
            }
            yield {"type": "message_stop"}

    def _begin(self, prompt_tokens: int) -> Iterator[object]:
        if not self._begun:
            self._begun = True
            message = {
                **_head(self._job),
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": _usage(events.Usage(prompt_tokens)),
            }
            yield {"type": "message_start", "message": message}

    def _say(self, event: events.Delta) -> Iterator[object]:
        if event.reasoning and not _thinks(self._job):
            yield from self._close()
        elif event.reasoning:
            yield from self._within("thinking", {"type": "thinking", "thinking": "", "signature": ""})
            self._thought.update(event.reasoning.encode())
            if not self._job.options.omit_thinking:
                yield self._delta({"type": "thinking_delta", "thinking": event.reasoning})
        if event.text:
            yield from self._within("text", {"type": "text", "text": ""})
            yield self._delta({"type": "text_delta", "text": event.text})
        for call in event.calls:
            if call.number != self._call:
                yield from self._close()
                self._call, self._written = call.number, False
                begun = {"type": "tool_use", "id": _id(call.id), "name": call.name, "input": {}}
                yield from self._within("tool_use", begun)
            # Anthropic's SDKs read the JSON as it grows, and blanks alone are not JSON.
            if written := call.arguments if self._written else call.arguments.lstrip():
                self._written = True
                yield self._delta({"type": "input_json_delta", "partial_json": written})

    def _within(self, kind: str, block: dict[str, Any]) -> Iterator[object]:
        """Begin a block unless one of its kind is open."""
        if self._open != kind:
            yield from self._close()
            self._open = kind
            self._index += 1
            yield {"type": "content_block_start", "index": self._index, "content_block": block}

    def _delta(self, delta: dict[str, Any]) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}

    def _close(self) -> Iterator[object]:
        """End the block that is open."""
        if self._open == "thinking":
            yield self._delta({"type": "signature_delta", "signature": _signature(self._thought.digest())})
            self._thought = sha256()
        if self._open is not None:
            yield {"type": "content_block_stop", "index": self._index}
        self._open = None

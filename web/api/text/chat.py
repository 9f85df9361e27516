"""`POST /v1/chat/completions`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from flask import Blueprint, Response

from schemas.answers.text import CreateChatCompletionResponse, CreateChatCompletionStreamResponse
from schemas.text.chat import ChatSchema
from schemas.text.thinking import wish
from schemas.text.tools import Choice
from tasks.values import results
from tasks.values.events import Event
from tasks.values.job import Job, Storage
from tasks.values.requests import AudioOutput, ChatRequest, SpeechFormat, ToolChoice
from web import calls
from web.api.text import shared as text
from web.endpoint import Endpoint, Rendered, for_anyone
from web.identity import Caller
from web.openapi.operation import SSE, operation
from web.render.text import chat as render
from web.render.text import spoken, stored_completions
from web.stored import spoken as spoken_turns

_SEEDS = 2**32
blueprint = Blueprint("chat", __name__)


def payload(data: Mapping[str, Any]) -> ChatRequest:
    """What a checked body asks of a model."""
    chosen = {
        **text.sampling(data),
        "max_tokens": data.get("max_completion_tokens"),
        "logprobs": data.get("top_logprobs", 0) if data.get("logprobs") else None,
    }
    choice = data.get("tool_choice", Choice("auto"))
    read = text.conversation(data)
    if choice.allowed is not None:
        read["tools"] = tuple(tool for tool in read["tools"] if tool.name in choice.allowed)
    return ChatRequest(
        **read,
        **chosen,
        tool_choice=ToolChoice(choice.mode, choice.name, data.get("parallel_tool_calls", True)),
        thinking_budget=wish(data).budget,
        audio=_audio(data),
    )


def _audio(data: Mapping[str, Any]) -> AudioOutput | None:
    if "audio" not in data:
        return None
    wish, seed = data["audio"], data.get("seed")
    format_: SpeechFormat = "pcm" if wish["format"] == "pcm16" else wish["format"]
    return AudioOutput(format_, secrets.randbelow(_SEEDS) if seed is None else seed % _SEEDS, wish.get("voice"))


def body(caller: Caller, job: Job, result: results.Result) -> Rendered:
    """The whole answer, with its audio where that was asked for."""
    assert isinstance(result, results.TextResult)  # noqa: S101  (a chat's events fold to nothing else)
    audio = spoken.asked(job)
    if audio is None:
        return render.body(job, result)
    shown = spoken.answer(job, audio, result, render.answer(job, result), caller.gateway.store.blobs.read)
    return Rendered(msgspec.json.encode(shown))


def chunks(caller: Caller, job: Job) -> Callable[[Event], Iterator[object]]:
    """What turns events into chunks, with audio where that was asked for."""
    told = render.chunks(job)
    return told if spoken.asked(job) is None else spoken.Chunks(job, told, caller.gateway.store.blobs.read)


def storage(caller: Caller, raw: Mapping[str, Any], data: Mapping[str, Any]) -> Storage | None:
    """How the answer to a checked body is stored; the messages are beside Redis from here on."""
    if not data.get("store"):
        return None
    messages = msgspec.json.encode(stored_completions.messages(raw["messages"], data["messages"]))
    blob = caller.gateway.store.blobs.put(messages, "application/json")
    return Storage(caller.gateway.settings.response_ttl, blob, data.get("metadata", {}))


ENDPOINT = Endpoint(
    path="/v1/chat/completions",
    model_types=text.MODEL_TYPES,
    schema=ChatSchema,
    payload=payload,
    options=for_anyone(text.options),
    storage=storage,
    body=body,
    chunks=chunks,
    resolve=spoken_turns.resolve,
)


@blueprint.post(ENDPOINT.path)
@operation(
    "createChatCompletion",
    CreateChatCompletionResponse,
    {SSE: CreateChatCompletionStreamResponse},
    endpoint=ENDPOINT,
    example={
        "model": "smollm2-135m-instruct",
        "messages": [{"role": "user", "content": "What is the capital of France?"}],
        "temperature": 0,
        "max_tokens": 32,
    },
)
def create() -> Response:
    """Continue a conversation."""
    return calls.serve(ENDPOINT)

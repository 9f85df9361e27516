"""Every answer and every chunk is exactly of the type that OpenAI's SDK declares: no field missing, odd or added."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import httpx
import pytest
from openai.types import Completion, CompletionChoice, completion_create_params
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat import completion_create_params as chat_create_params
from pydantic import BaseModel

from schemas.__main__ import BODIES
from schemas.fields import rows
from tests.web.bodies import CHAT, chat

TEXT = "/v1/completions"
EXTRA = {f"{name}.reasoning_content" for name in ("ChatCompletionMessage", "ChoiceDelta")}  # as others have it
LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


class StreamedChoice(CompletionChoice):
    """The SDK has one type for answers and chunks, but OpenAI's own chunks have no reason until the last."""

    finish_reason: Literal["stop", "length", "content_filter"] | None  # type: ignore[assignment]


class CompletionChunk(Completion):
    choices: list[StreamedChoice]  # type: ignore[assignment]


def completion(**more: Any) -> dict[str, Any]:
    return {"model": "fake", "prompt": "word", "max_tokens": 3, **more}


def strictly(kind: type[BaseModel], data: str | bytes) -> Any:
    """The value in this JSON, with no coercion and nothing that the type does not declare."""
    found = kind.model_validate_json(data, strict=True)
    assert set(undeclared(found)) <= EXTRA
    return found


def undeclared(value: object) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from (f"{type(value).__name__}.{name}" for name in value.model_extra or {})
        value = dict(value)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from undeclared(one)


def streamed(http: httpx.Client, path: str, body: dict[str, Any], kind: type[BaseModel]) -> list[Any]:
    response = http.post(path, json={**body, "stream": True, "stream_options": {"include_usage": True}})
    assert response.status_code == 200, response.text
    *frames, done = response.text.strip().split("\n\n")
    assert done == "data: [DONE]"
    return [strictly(kind, frame.removeprefix("data: ")) for frame in frames]


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("logprobs", [{}, {"logprobs": True}, {"logprobs": True, "top_logprobs": 1}])
def test_a_chat(http: httpx.Client, n: int, logprobs: dict[str, Any]) -> None:
    body = chat(n=n, **logprobs)
    answer = strictly(ChatCompletion, http.post(CHAT, json=body).content)
    chunks = streamed(http, CHAT, body, ChatCompletionChunk)
    assert [choice.index for choice in answer.choices] == list(range(n))
    for choice in answer.choices:
        parts = [part for chunk in chunks for part in chunk.choices if part.index == choice.index]
        assert choice.message.content == "".join(part.delta.content or "" for part in parts) == "word1 word2 word3 "
        assert choice.finish_reason == parts[-1].finish_reason == "length"
        tokens = [token for part in parts if part.logprobs for token in part.logprobs.content]
        assert tokens == (choice.logprobs.content if choice.logprobs else []) and bool(tokens) == bool(logprobs)
    assert chunks[-1].usage == answer.usage and answer.usage.completion_tokens == 3 * n


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "look"}}])
def test_a_chat_with_calls_and_reasoning(http: httpx.Client, n: int, choice: Any) -> None:
    body = chat("word", n=n, tools=[LOOK], tool_choice=choice, thinking_budget=2)
    answer = strictly(ChatCompletion, http.post(CHAT, json=body).content)
    chunks = streamed(http, CHAT, body, ChatCompletionChunk)
    assert [choice.index for choice in answer.choices] == list(range(n))
    for one in answer.choices:
        parts = [part for chunk in chunks for part in chunk.choices if part.index == one.index]
        calls = [call for part in parts for call in part.delta.tool_calls or []]
        assert one.finish_reason == parts[-1].finish_reason == "tool_calls"
        assert one.message.content is None and all(part.delta.content is None for part in parts)
        assert (
            one.message.reasoning_content
            == "hm hm "
            == "".join(getattr(part.delta, "reasoning_content", "") for part in parts)
        )
        (call,) = one.message.tool_calls
        assert (call.type, call.id, call.function.name) == ("function", calls[0].id, "look")
        assert call.function.arguments == "".join(call.function.arguments for call in calls) == "{}"
    assert chunks[-1].usage == answer.usage
    assert answer.usage.completion_tokens_details.reasoning_tokens == 2 * n


def test_a_chat_that_calls_nothing_has_no_calls(http: httpx.Client) -> None:
    for choice in ("auto", "none"):
        answer = http.post(CHAT, json=chat(tools=[LOOK], tool_choice=choice)).json()
        assert answer["choices"][0]["message"] == {
            "role": "assistant", "content": "word1 word2 word3 ", "refusal": None, "annotations": []
        }  # fmt: skip
        chunks = streamed(http, CHAT, chat(tools=[LOOK], tool_choice=choice), ChatCompletionChunk)
        assert not any(part.delta.tool_calls for chunk in chunks for part in chunk.choices)


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("logprobs", [None, 0, 1])
def test_a_completion(http: httpx.Client, n: int, logprobs: int | None) -> None:
    body = completion(prompt=["one", "two more"], n=n, logprobs=logprobs)
    answer = strictly(Completion, http.post(TEXT, json=body).content)
    chunks = streamed(http, TEXT, body, CompletionChunk)
    assert [choice.text for choice in answer.choices] == ["one1 one2 one3 "] * n + ["two1 two2 two3 "] * n
    for choice in answer.choices:
        parts = [part for chunk in chunks for part in chunk.choices if part.index == choice.index]
        assert "".join(part.text for part in parts) == choice.text
        # Tokens that come together share a chunk.
        assert [part.finish_reason for part in parts if part.finish_reason] == [choice.finish_reason]
        assert parts[-1].finish_reason == choice.finish_reason
        offsets = [offset for part in parts if part.logprobs for offset in part.logprobs.text_offset]
        assert offsets == (choice.logprobs.text_offset if choice.logprobs else [])
        assert bool(offsets) == (logprobs is not None)
    assert chunks[-1].usage == answer.usage and answer.usage.completion_tokens == 3 * 2 * n


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"echo": True}, "wordword1 word2 word3 "),
        ({"echo": True, "max_tokens": 0}, "word"),
        ({"prompt": list(b"word"), "echo": True, "max_tokens": 1}, "wordword1 "),
    ],
)
def test_a_completion_that_begins_with_its_prompt(http: httpx.Client, more: dict[str, Any], text: str) -> None:
    body = completion(**more)
    answer = strictly(Completion, http.post(TEXT, json=body).content)
    chunks = streamed(http, TEXT, body, CompletionChunk)
    assert answer.choices[0].text == "".join(part.text for chunk in chunks for part in chunk.choices) == text
    told = http.post(TEXT, json={**body, "logprobs": 1}).json()["choices"][0]["logprobs"]
    assert (told["tokens"][0], told["token_logprobs"][0], told["top_logprobs"][0]) == ("word", None, None)
    assert "".join(told["tokens"]) == text


def test_without_a_limit_a_completion_has_16_tokens(http: httpx.Client) -> None:
    answer = http.post(TEXT, json={"model": "fake", "prompt": "word"}).json()
    assert answer["usage"]["completion_tokens"] == 16


@pytest.mark.parametrize(
    ("path", "params"),
    [
        (CHAT, chat_create_params.CompletionCreateParamsStreaming),
        (TEXT, completion_create_params.CompletionCreateParamsStreaming),
    ],
)
def test_every_field_that_the_sdk_can_send_is_known(path: str, params: Any) -> None:
    sent = set(params.__annotations__)
    assert {"model", "stream", "temperature"} <= sent <= {row.name for row in rows(BODIES[path])}

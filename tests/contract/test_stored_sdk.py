"""Stored chats as OpenAI's SDK uses them; every body is exactly of the types that it declares."""

from __future__ import annotations

from typing import Any, Literal
from uuid import uuid4

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionDeleted, ChatCompletionStoreMessage
from pydantic import BaseModel, TypeAdapter

from tests.contract.test_openai_types import EXTRA, undeclared
from tests.servers import Stack
from tests.web.bodies import CHAT, chat

PICTURE = "data:image/png;base64,iVBORw0KGgo="


class SentMessage(ChatCompletionStoreMessage):
    """The SDK has one type for what a model says and what it was sent, but OpenAI shows the latter."""

    role: Literal["developer", "system", "user", "assistant", "tool", "function"]  # type: ignore[assignment]
    name: str | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None


class Listed(BaseModel):
    """What every list is."""

    object: Literal["list"]
    data: list[Any]
    first_id: str | None
    last_id: str | None
    has_more: bool

    model_config = {"extra": "forbid"}


@pytest.fixture
def client(fake_stack: Stack) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{fake_stack.url}/v1", api_key="none", max_retries=0)


def strictly(kind: Any, data: bytes) -> Any:
    found = TypeAdapter(kind).validate_json(data, strict=True)
    assert set(undeclared(found)) <= EXTRA
    return found


def listed(kind: Any, data: bytes) -> list[Any]:
    found = strictly(Listed, data)
    return [TypeAdapter(kind).validate_python(one, strict=True) for one in found.data]


def test_a_chat_is_stored_listed_described_and_deleted(client: openai.OpenAI) -> None:
    run = uuid4().hex
    chats = [
        client.chat.completions.create(**chat(f"w{at}", store=True, metadata={"run": run}, n=2, logprobs=True))
        for at in range(3)
    ]
    first = client.chat.completions.retrieve(chats[0].id)
    assert first.metadata == {"run": run} and first.choices == chats[0].choices and first.usage == chats[0].usage
    pages = client.chat.completions.list(metadata={"run": run}, limit=2, order="desc")
    assert [one.id for one in pages] == [one.id for one in reversed(chats)]
    assert client.chat.completions.update(first.id, metadata={"run": run, "seen": "yes"}).metadata["seen"] == "yes"
    assert [one.id for one in client.chat.completions.list(metadata={"run": run, "seen": "yes"})] == [first.id]
    assert client.chat.completions.update(first.id, metadata=None).metadata == {}
    assert client.chat.completions.delete(first.id).deleted
    with pytest.raises(openai.NotFoundError, match="no stored chat completion"):
        client.chat.completions.retrieve(first.id)


def test_a_stream_is_stored_with_its_messages(client: openai.OpenAI) -> None:
    parts = [{"type": "text", "text": "What is "}, {"type": "text", "text": "it?"}]
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": parts}]
    chunks = list(client.chat.completions.create(**chat(messages=messages, store=True, stream=True)))
    found = client.chat.completions.messages.list(chunks[0].id, limit=1)
    assert [message.content for message in found] == ["Be brief.", "What is it?"]
    assert next(message.content_parts for message in found) is None
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert client.chat.completions.retrieve(chunks[0].id).choices[0].message.content == said


def test_what_is_stored_of_chats_is_of_the_sdk_s_types(http: httpx.Client) -> None:
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    image = {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "word"}, image]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "a cat", "tool_call_id": "call_1"},
        {"role": "user", "content": "word", "name": "ann"},
    ]
    for more in ({"logprobs": True, "top_logprobs": 1}, {"tools": [tool], "tool_choice": "required"}):
        made = http.post(CHAT, json=chat(messages=messages, store=True, metadata={"a": "b"}, **more)).json()["id"]
        path = f"{CHAT}/{made}"
        assert strictly(ChatCompletion, http.get(path).content).id == made
        assert [one.role for one in listed(SentMessage, http.get(f"{path}/messages").content)] == [
            "user", "assistant", "tool", "user"
        ]  # fmt: skip
        assert strictly(ChatCompletion, http.post(path, json={"metadata": {}}).content).metadata == {}
        assert listed(ChatCompletion, http.get(CHAT, params={"limit": 100, "order": "desc"}).content)[0].id == made
        assert strictly(ChatCompletionDeleted, http.delete(path).content).deleted

"""Stored chats and conversations as OpenAI's SDK uses them; every body is exactly of the types that it declares."""

from __future__ import annotations

from typing import Any, Literal
from uuid import uuid4

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionDeleted, ChatCompletionStoreMessage
from openai.types.conversations import Conversation, ConversationDeletedResource, ConversationItemList
from openai.types.conversations.conversation_item import ConversationItem
from pydantic import BaseModel, TypeAdapter

from tests.contract.test_openai_types import EXTRA, undeclared
from tests.support.servers import Stack
from tests.web.bodies import CHAT, chat

PICTURE = "data:image/png;base64,iVBORw0KGgo="
PICTURES = "message.input_image.image_url"


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


ITEMS: list[dict[str, Any]] = [
    {"role": "user", "content": "Hello!"},
    {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
    {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": PICTURE}]},
    {"type": "message", "role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]},
    {"type": "message", "role": "assistant", "content": "Hello."},
    {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}], "id": "msg_mine"},
    {"type": "reasoning", "id": "rs_mine", "summary": [{"type": "summary_text", "text": "hm"}]},
    {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "call_1", "output": "a cat"},
    {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "a cat"}]},
    {"type": "custom_tool_call", "call_id": "call_2", "name": "say", "input": "it"},
    {"type": "custom_tool_call_output", "call_id": "call_2", "output": "said"},
]
TYPES = [str(item.get("type", "message")) for item in ITEMS]


def test_a_conversation_from_its_beginning_to_its_end(client: openai.OpenAI) -> None:
    made = client.conversations.create(items=ITEMS[:2], metadata={"a": "b"})  # type: ignore[arg-type]
    assert client.conversations.retrieve(made.id) == made and made.metadata == {"a": "b"}
    assert client.conversations.update(made.id, metadata={"c": "d"}).metadata == {"c": "d"}
    added = client.conversations.items.create(made.id, items=ITEMS[2:])  # type: ignore[arg-type]
    assert [item.type for item in added.data] == TYPES[2:] and added.first_id == added.data[0].id
    found = list(client.conversations.items.list(made.id, limit=5, order="asc"))
    assert [item.type for item in found] == TYPES and found[2:] == added.data
    assert list(client.conversations.items.list(made.id, limit=100)) == found[::-1]
    assert {"msg_mine", "rs_mine"} < {item.id for item in found} and len({item.id for item in found}) == len(found)
    one = client.conversations.items.retrieve(found[4].id, conversation_id=made.id)
    assert one == found[4] and (one.role, one.content[0].type, one.content[0].text) == (
        "assistant", "output_text", "Hello."
    )  # fmt: skip
    assert client.conversations.items.delete(one.id, conversation_id=made.id).id == made.id
    with pytest.raises(openai.NotFoundError, match="no item"):
        client.conversations.items.retrieve(one.id, conversation_id=made.id)
    assert client.conversations.delete(made.id).deleted
    for call in (client.conversations.retrieve, client.conversations.items.list, client.conversations.delete):
        with pytest.raises(openai.NotFoundError, match="deleted"):
            call(made.id)


def test_items_are_shown_whole_whatever_is_included(client: openai.OpenAI) -> None:
    made = client.conversations.create(items=[ITEMS[2]])  # type: ignore[list-item]
    (plain,) = client.conversations.items.list(made.id)
    (shown,) = client.conversations.items.list(made.id, include=[PICTURES, "reasoning.encrypted_content"])
    one = client.conversations.items.retrieve(shown.id, conversation_id=made.id, include=[PICTURES])
    assert plain == shown == one and (one.content[0].image_url, one.content[0].detail) == (PICTURE, "auto")
    added = client.conversations.items.create(made.id, items=[ITEMS[2]], include=[PICTURES])  # type: ignore[list-item]
    assert added.data[0].content[0].image_url == PICTURE


def test_what_is_shown_of_conversations_is_of_the_sdk_s_types(http: httpx.Client) -> None:
    made = strictly(Conversation, http.post("/v1/conversations", json={"items": ITEMS}).content)
    path = f"/v1/conversations/{made.id}"
    assert strictly(Conversation, http.get(path).content) == made
    assert strictly(Conversation, http.post(path, json={"metadata": None}).content).metadata == {}
    found = strictly(ConversationItemList, http.get(f"{path}/items").content)
    assert [item.type for item in found.data] == TYPES[::-1]
    added = strictly(ConversationItemList, http.post(f"{path}/items", json={"items": ITEMS[:2]}).content)
    item = f"{path}/items/{added.first_id}"
    assert strictly(ConversationItem, http.get(item).content) == added.data[0]
    assert strictly(Conversation, http.delete(item).content) == made
    assert strictly(ConversationDeletedResource, http.delete(path).content).id == made.id
    empty = http.post("/v1/conversations", json={}).json()["id"]
    assert strictly(ConversationItemList, http.get(f"/v1/conversations/{empty}/items").content).data == []

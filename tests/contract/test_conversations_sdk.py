"""Responses in a conversation, as OpenAI's SDK asks for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest
from openai.types.conversations import ConversationItemList

from tests.contract.test_stored_sdk import strictly
from tests.support.servers import Stack, eventually

LOOK = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}


@pytest.fixture
def client(fake_stack: Stack) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{fake_stack.url}/v1", api_key="none", max_retries=0)


def respond(client: openai.OpenAI, conversation: Any, text: Any = "word", **more: Any) -> Any:
    return client.responses.create(model="fake", input=text, conversation=conversation, max_output_tokens=3, **more)


def texts(client: openai.OpenAI, conversation: str) -> list[str]:
    return [item.content[0].text for item in client.conversations.items.list(conversation, order="asc")]


def test_input_and_output_become_items_under_the_ids_of_the_response(client: openai.OpenAI) -> None:
    made = client.conversations.create(items=[{"role": "user", "content": "First."}]).id
    first = respond(client, made)
    assert first.conversation.id == made and first.status == "incomplete"
    second = respond(client, {"id": made}, "other")
    assert texts(client, made) == ["First.", "word", "word1 word2 word3 ", "other", "other1 other2 other3 "]
    found = list(client.conversations.items.list(made, order="asc"))
    assert [found[2].id, found[4].id] == [first.output[0].id, second.output[0].id]
    sent = list(client.responses.input_items.list(second.id))
    assert [item.id for item in sent] == [found[3].id]
    assert client.responses.delete(first.id) is None and len(texts(client, made)) == 5
    client.conversations.items.delete(first.output[0].id, conversation_id=made)
    assert texts(client, made) == ["First.", "word", "other", "other1 other2 other3 "]


def test_what_was_said_is_read_before_the_input(client: openai.OpenAI) -> None:
    made = client.conversations.create().id

    def counted() -> int:
        return client.responses.input_tokens.count(model="fake", input="word", conversation=made).input_tokens

    alone = client.responses.input_tokens.count(model="fake", input="word").input_tokens
    assert counted() == alone
    respond(client, made, "more words")
    assert counted() > alone


def test_calls_and_what_came_of_them_go_on_in_a_conversation(client: openai.OpenAI, http: httpx.Client) -> None:
    made = client.conversations.create().id
    (call,) = respond(client, made, tools=[LOOK], tool_choice="required").output
    respond(client, made, [{"type": "function_call_output", "call_id": call.call_id, "output": "a cat"}])
    found = strictly(ConversationItemList, http.get(f"/v1/conversations/{made}/items?order=asc").content)
    assert [item.type for item in found.data] == ["message", "function_call", "function_call_output", "message"]


@pytest.mark.parametrize("more", [{"stream": True}, {"background": True}, {"store": False}])
def test_they_become_items_whatever_way_it_is_asked_for(client: openai.OpenAI, more: dict[str, Any]) -> None:
    made = client.conversations.create().id
    answer = respond(client, made, **more)
    if more.get("stream"):
        list(answer)
    assert eventually(lambda: texts(client, made)) == ["word", "word1 word2 word3 "]


def test_what_fails_becomes_no_item(client: openai.OpenAI) -> None:
    made = client.conversations.create().id
    with pytest.raises(openai.InternalServerError):
        respond(client, made, "fail")
    assert texts(client, made) == []


def test_what_is_said_at_the_same_time_is_all_there_once(client: openai.OpenAI) -> None:
    made = client.conversations.create().id
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda at: respond(client, made, f"w{at}"), range(8)))
        listed = list(threads.map(lambda _: texts(client, made), range(4)))
    assert all(one == listed[0] for one in listed) and len(listed[0]) == 16
    pairs = list(zip(listed[0][::2], listed[0][1::2], strict=True))
    assert sorted(pairs) == sorted((f"w{at}", answers[at].output_text) for at in range(8))


def test_a_conversation_that_is_gone_is_a_400_that_says_so(client: openai.OpenAI) -> None:
    made = client.conversations.create().id
    client.conversations.delete(made)
    with pytest.raises(openai.BadRequestError, match="deleted") as caught:
        respond(client, made)
    assert caught.value.param == "conversation"
    with pytest.raises(openai.BadRequestError, match="send one of the two") as caught:
        respond(client, made, previous_response_id="resp_1")
    assert caught.value.param == "conversation"

"""What a program written for OpenAI's Responses API sees."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai.types.responses import Response
from pydantic import BaseModel

from schemas.__main__ import BODIES
from schemas.fields import rows
from tests.contract.test_openai_types import undeclared
from tests.support.servers import Stack, eventually
from tests.web.bodies import ENDLESS

# Which Open Responses has, and OpenAI's own answers too.
EXTRA = {f"Response.{name}" for name in ("store", "frequency_penalty", "presence_penalty")}
CHAT = "smollm2-135m-instruct"
URL = "/v1/responses"


class Weather(BaseModel):
    city: str
    sunny: bool


@pytest.fixture
def client(fake_stack: Stack) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{fake_stack.url}/v1", api_key="none", max_retries=0)


def create(client: openai.OpenAI, **more: Any) -> Any:
    return client.responses.create(**{"model": "fake", "input": "word", "max_output_tokens": 3, **more})


def test_a_response_is_created_retrieved_listed_and_deleted(client: openai.OpenAI) -> None:
    made = create(client)
    assert made.output_text == "word1 word2 word3 " and made.status == "incomplete"
    assert client.responses.retrieve(made.id) == made
    (item,) = client.responses.input_items.list(made.id)
    assert item.content[0].text == "word"
    assert client.responses.input_tokens.count(model="fake", input="word").input_tokens > 0
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_every_answer_is_of_the_declared_type(client: openai.OpenAI) -> None:
    for more in ({}, {"background": True}, {"store": False, "reasoning": {"summary": "auto", "effort": "low"}}):
        raw = client.responses.with_raw_response.create(model="fake", input="word", max_output_tokens=3, **more)
        found = Response.model_validate_json(raw.content, strict=True)
        assert set(undeclared(found)) <= EXTRA


def test_a_stream_helper_puts_the_response_together(client: openai.OpenAI) -> None:
    tools: Any = [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}]
    with client.responses.stream(model="fake", input="word", tools=tools, tool_choice="required") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed"
    assert final.output[0].type == "function_call" and final.output[0].arguments == "{}"
    stored = client.responses.retrieve(final.id).output[0]
    assert stored.to_dict().items() <= final.output[0].to_dict().items()


def test_a_background_response_is_followed_from_where_its_stream_broke(client: openai.OpenAI) -> None:
    text, last, response_id = "", -1, ""
    for event in create(client, input="far", max_output_tokens=100, background=True, stream=True):
        last = event.sequence_number
        response_id = event.response.id if event.type == "response.created" else response_id
        text += event.delta if event.type == "response.output_text.delta" else ""
        if last == 40:
            break
    for event in client.responses.retrieve(response_id, stream=True, starting_after=last):
        assert event.sequence_number == last + 1
        last = event.sequence_number
        text += event.delta if event.type == "response.output_text.delta" else ""
    assert text == client.responses.retrieve(response_id).output_text != ""


def test_a_background_response_is_cancelled(client: openai.OpenAI) -> None:
    queued = create(client, input="far", max_output_tokens=ENDLESS, background=True)
    eventually(lambda: client.responses.retrieve(queued.id).status == "in_progress")
    assert client.responses.cancel(queued.id).status == "cancelled"


def test_a_form_is_parsed(real_stack: Stack) -> None:
    client = openai.OpenAI(base_url=f"{real_stack.url}/v1", api_key="none", max_retries=0)
    schema: Any = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 12}, "sunny": {"type": "boolean"}},
        "required": ["city", "sunny"],
        "additionalProperties": False,
    }
    form: Any = {"format": {"type": "json_schema", "name": "weather", "schema": schema, "strict": True}}
    said = create(client, model=CHAT, input="Weather in Paris?", text=form, max_output_tokens=60, temperature=0)
    assert Weather.model_validate_json(said.output_text)
    parsed = client.responses.parse(
        model=CHAT, input="Weather in Paris? Answer briefly.", text_format=Weather, max_output_tokens=120, temperature=0
    )
    if parsed.status == "completed":  # a small model may not end the string by itself
        assert isinstance(parsed.output_parsed, Weather)
    else:
        assert parsed.incomplete_details is not None


def test_a_tool_loop(real_stack: Stack) -> None:
    client = openai.OpenAI(base_url=f"{real_stack.url}/v1", api_key="none", max_retries=0)
    city = {"type": "object", "properties": {"city": {"enum": ["Paris", "Rome"]}}, "required": ["city"]}
    tools = [{"type": "function", "name": "weather", "parameters": city, "strict": True}]
    first = create(
        client, model=CHAT, input="Weather in Paris?", tools=tools, tool_choice="required", max_output_tokens=40
    )
    (call,) = [item for item in first.output if item.type == "function_call"]
    assert json.loads(call.arguments)["city"] in ("Paris", "Rome")
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    by_id = create(client, model=CHAT, input=[output], previous_response_id=first.id, tools=tools, tool_choice="none",
                   temperature=0)  # fmt: skip
    asked: Any = [{"role": "user", "content": "Weather in Paris?"}, *first.output, output]
    by_items = create(client, model=CHAT, input=asked, tools=tools, tool_choice="none", temperature=0, store=False)
    assert by_id.output_text == by_items.output_text
    assert by_id.usage.input_tokens == by_items.usage.input_tokens


def test_a_response_says_what_the_chat_says(real_stack: Stack) -> None:
    client = openai.OpenAI(base_url=f"{real_stack.url}/v1", api_key="none", max_retries=0)
    chat = client.chat.completions.create(
        model=CHAT, messages=[{"role": "user", "content": "Say hello."}], temperature=0, max_tokens=20
    )
    response = create(client, model=CHAT, input="Say hello.", temperature=0, max_output_tokens=20)
    assert response.output_text == chat.choices[0].message.content
    assert response.usage.input_tokens == chat.usage.prompt_tokens


def test_every_field_that_the_sdk_can_send_is_known() -> None:
    from openai.types.responses import response_create_params

    sent = set(response_create_params.ResponseCreateParamsStreaming.__annotations__)
    assert {"model", "stream", "input"} <= sent <= {row.name for row in rows(BODIES[URL])}


def test_a_websocket_of_the_sdk_has_several_responses_made(client: openai.OpenAI) -> None:
    with client.responses.connect() as connection:
        made: list[Any] = []
        for word in ("one", "two"):
            previous: Any = {"previous_response_id": made[-1].id} if made else {}
            connection.response.create(model="fake", input=word, max_output_tokens=3, store=False, **previous)
            kinds = []
            for event in connection:
                kinds.append(event.type)
                if event.type == "response.incomplete":
                    made.append(event.response)
                    break
            assert kinds[0] == "response.created" and "response.output_text.delta" in kinds
        assert [response.output_text for response in made] == ["one1 one2 one3 ", "two1 two2 two3 "]
        connection.response.create(model="none", input="word")
        error = connection.recv()
        assert error.type == "error" and (error.status, error.error.code) == (404, "model_not_found")

"""OpenAI's SDK, calls and structured answers, with a real model."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from openai import BadRequestError, OpenAI
from openai.types.chat import ChatCompletionMessageToolCall
from pydantic import BaseModel, ConfigDict, Field

from tests.support.rounds import rounds
from tests.support.servers import Stack

MODEL = "smollm2-135m-instruct"
ASKED: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]


class Weather(BaseModel):
    model_config = ConfigDict(extra="forbid")
    city: str = Field(max_length=16)
    unit: Literal["celsius", "fahrenheit"]


TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {"name": "get_weather", "description": "Tells it.", "parameters": Weather.model_json_schema()},
    },
    {"type": "function", "function": {"name": "nothing"}},
]
NAMED: Any = {"type": "function", "function": {"name": "get_weather"}}


@pytest.fixture(scope="module")
def client(real_stack: Stack) -> OpenAI:
    return OpenAI(base_url=f"{real_stack.url}/v1", api_key="none", max_retries=0)


def test_a_named_call_and_its_answer_go_on_in_the_conversation(client: OpenAI) -> None:
    first = client.chat.completions.create(model=MODEL, messages=ASKED, tools=TOOLS, tool_choice=NAMED, max_tokens=120)
    (choice,) = first.choices
    assert choice.finish_reason == "tool_calls" and choice.message.content is None
    assert choice.message.tool_calls is not None
    (call,) = choice.message.tool_calls
    assert isinstance(call, ChatCompletionMessageToolCall) and call.function.name == "get_weather"
    Weather.model_validate_json(call.function.arguments, strict=True)
    told: Any = [*ASKED, choice.message, {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}]
    second = client.chat.completions.create(model=MODEL, messages=told, tools=TOOLS, max_tokens=8)
    assert second.usage is not None and first.usage is not None
    assert second.usage.prompt_tokens > first.usage.prompt_tokens


def test_a_stream_adds_up_to_the_same_message(client: OpenAI) -> None:
    given: dict[str, Any] = {"model": MODEL, "messages": ASKED, "tools": TOOLS, "seed": 5, "max_tokens": 200}
    whole = client.chat.completions.create(tool_choice="required", **given).choices[0].message
    with client.chat.completions.stream(tool_choice="required", **given) as stream:
        kinds = [event.type for event in stream]
        streamed = stream.get_final_completion().choices[0].message
    assert whole.tool_calls is not None and streamed.tool_calls is not None
    assert kinds.count("tool_calls.function.arguments.delta") > 3
    assert [(one.id[:5], one.function.name, one.function.arguments) for one in streamed.tool_calls] == [
        (one.id[:5], one.function.name, one.function.arguments) for one in whole.tool_calls if one.type == "function"
    ]
    assert streamed.content == whole.content


def test_parse_gives_the_model_s_own_class(client: OpenAI) -> None:
    for seed in range(rounds(1, 5)):
        answer = client.chat.completions.parse(
            model=MODEL, messages=ASKED, response_format=Weather, seed=seed, max_tokens=120
        )
        assert isinstance(answer.choices[0].message.parsed, Weather)


def test_guided_fields(client: OpenAI) -> None:
    for rule, wanted in (
        ({"guided_choice": ["warm", "cold"]}, {"warm", "cold"}),
        ({"guided_regex": "[0-9]C"}, {f"{number}C" for number in range(10)}),
        ({"guided_grammar": 'start: "a" | "b"'}, {"a", "b"}),
    ):
        answer = client.chat.completions.create(model=MODEL, messages=ASKED, extra_body=rule, max_tokens=20)
        assert answer.choices[0].message.content in wanted
        text = client.completions.create(model=MODEL, prompt="It is", extra_body=rule, max_tokens=20)
        assert text.choices[0].text in wanted


@pytest.mark.parametrize(
    ("fields", "param", "told"),
    [
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"not": {}}}}},
            "response_format.json_schema.schema",
            "'not'",
        ),
        ({"extra_body": {"guided_regex": "("}}, "guided_regex", "unclosed group"),
        ({"extra_body": {"guided_grammar": "start: other"}}, "guided_grammar", "other"),
    ],
)
def test_what_cannot_be_enforced_is_a_400_that_names_it(
    client: OpenAI, fields: dict[str, Any], param: str, told: str
) -> None:
    with pytest.raises(BadRequestError, match=told) as refused:
        client.chat.completions.create(model=MODEL, messages=ASKED, **fields)
    assert refused.value.param == param


def test_the_older_form_of_tools_is_answered_in_its_form(client: OpenAI) -> None:
    functions = [TOOLS[0]["function"]]
    given: dict[str, Any] = {"model": MODEL, "messages": ASKED, "functions": functions, "max_tokens": 120, "seed": 5}
    (choice,) = client.chat.completions.create(function_call={"name": "get_weather"}, **given).choices
    call = choice.message.function_call
    assert choice.finish_reason == "function_call" and call is not None and choice.message.tool_calls is None
    assert call.name == "get_weather"
    Weather.model_validate_json(call.arguments, strict=True)
    chunks = list(client.chat.completions.create(function_call={"name": "get_weather"}, stream=True, **given))
    pieces = [chunk.choices[0].delta.function_call for chunk in chunks]
    told = [piece for piece in pieces if piece is not None]
    assert told[0].name == "get_weather" and len(told) > 3
    assert "".join(piece.arguments or "" for piece in told) == call.arguments
    assert chunks[-1].choices[0].finish_reason == "function_call"
    messages: Any = [*ASKED, choice.message, {"role": "function", "name": "get_weather", "content": "21 degrees"}]
    assert client.chat.completions.create(**{**given, "messages": messages, "max_tokens": 8}).choices

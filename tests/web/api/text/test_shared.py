"""What checked bodies ask of a model."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tasks.values.messages import Message, ToolCall
from tasks.values.requests import (
    ChatRequest,
    CompletionRequest,
    Constraint,
    EmbeddingRequest,
    RenderRequest,
    TokenizeRequest,
    Tool,
    ToolChoice,
)
from web.api.text import chat, chat_render, completions, tokenize
from web.api.vectors import embeddings
from web.endpoint import Endpoint

USER = {"role": "user", "content": "hi"}
BEGUN = {"role": "assistant", "content": "Well,"}


def payload(endpoint: Endpoint, **body: Any) -> Any:
    return endpoint.payload(endpoint.schema().load({"model": "m", **body}))


def talk(*messages: dict[str, Any], **more: Any) -> ChatRequest:
    asked = payload(chat.ENDPOINT, messages=list(messages or (USER,)), **more)
    assert isinstance(asked, ChatRequest)
    return asked


def test_a_body_that_says_nothing_leaves_all_to_the_model() -> None:
    assert talk() == ChatRequest((Message("user", "hi"),))
    assert payload(completions.ENDPOINT, prompt="hi") == CompletionRequest(("hi",), max_tokens=16)


@pytest.mark.parametrize("endpoint", [(chat.ENDPOINT, {"messages": [USER]}), (completions.ENDPOINT, {"prompt": "hi"})])
def test_every_way_to_choose_tokens_is_passed_on(endpoint: tuple[Endpoint, dict[str, Any]]) -> None:
    numbers = {
        "max_tokens": 5, "temperature": 0.5, "top_p": 0.9, "top_k": 40, "min_p": 0.1, "xtc_probability": 0.2,
        "xtc_threshold": 0.3, "repetition_penalty": 1.1, "repetition_context_size": 30, "presence_penalty": 0.4,
        "frequency_penalty": -0.4, "seed": -(2**63), "n": 2,
    }  # fmt: skip
    asked = payload(endpoint[0], **endpoint[1], **numbers, logit_bias={"7": 1, "8": -2}, stop=["a", "b"])
    told = msgspec.to_builtins(asked)
    assert {name: told[name] for name in numbers} == numbers
    assert (asked.logit_bias, asked.stop) == (((7, 1.0), (8, -2.0)), ("a", "b"))
    assert payload(endpoint[0], **endpoint[1], top_k=-1).top_k == 0


@pytest.mark.parametrize(
    ("asked", "told"),
    [({}, None), ({"logprobs": False}, None), ({"logprobs": True}, 0), ({"logprobs": True, "top_logprobs": 3}, 3)],
)
def test_a_chat_s_log_probabilities(asked: dict[str, Any], told: int | None) -> None:
    assert talk(**asked).logprobs == told


def test_either_name_limits_a_chat_s_answer() -> None:
    assert talk(max_tokens=3).max_tokens == talk(max_completion_tokens=3).max_tokens == 3


def test_a_developer_is_the_system_and_names_are_kept() -> None:
    asked = talk({"role": "developer", "content": "be kind", "name": "boss"}, USER)
    assert asked.messages[0] == Message("system", "be kind", "boss")


@pytest.mark.parametrize(
    ("messages", "prefill"),
    [
        ([USER], False),
        ([USER, BEGUN], True),
        ([USER, {**BEGUN, "partial": True}], True),
        ([USER, {**BEGUN, "partial": False}], False),
        ([USER, BEGUN, USER], False),
    ],
)
def test_an_assistant_s_last_message_is_the_beginning_of_the_answer(messages: Any, prefill: bool) -> None:
    assert talk(*messages).prefill is prefill
    assert payload(chat_render.ENDPOINT, messages=messages).prefill is prefill


def test_the_template_s_own_options_win() -> None:
    assert talk(reasoning_effort="low").template_options == {"reasoning_effort": "low"}
    options = {"reasoning_effort": "none", "enable_thinking": False}
    assert talk(reasoning_effort="low", chat_template_kwargs=options).template_options == options


LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}, "strict": True}}
OTHER = {"type": "function", "function": {"name": "other", "description": "does"}}
TOOLS = (Tool("look", "", {"type": "object"}, True), Tool("other", "does"))
OTHER_BY_NAME = {"type": "function", "function": {"name": "other"}}


def allowed(mode: str) -> dict[str, Any]:
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [OTHER_BY_NAME]}}


@pytest.mark.parametrize(
    ("asked", "told", "tools"),
    [
        ({}, ToolChoice(), TOOLS),
        ({"tool_choice": "auto", "parallel_tool_calls": True}, ToolChoice(), TOOLS),
        ({"tool_choice": "none"}, ToolChoice("none"), TOOLS),
        ({"tool_choice": "required", "parallel_tool_calls": False}, ToolChoice("required", None, False), TOOLS),
        ({"tool_choice": OTHER_BY_NAME}, ToolChoice("required", "other"), TOOLS),
        ({"tool_choice": allowed("auto")}, ToolChoice(), TOOLS[1:]),
        ({"tool_choice": allowed("required")}, ToolChoice("required"), TOOLS[1:]),
    ],
)
def test_tools_and_which_are_to_be_called(asked: dict[str, Any], told: ToolChoice, tools: tuple[Tool, ...]) -> None:
    found = talk(tools=[LOOK, OTHER], **asked)
    assert (found.tool_choice, found.tools) == (told, tools)
    for endpoint in (tokenize.ENDPOINT, chat_render.ENDPOINT):
        assert payload(endpoint, messages=[USER], tools=[LOOK, OTHER]).tools == TOOLS


def test_calls_their_answers_and_thinking_are_in_the_conversation() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
    turns = (
        Message("assistant", "", calls=(ToolCall("call_1", "look", '{"a": 1}'),), reasoning="hm"),
        Message("tool", "42", call_id="call_1"),
    )
    said = [
        {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "hm"},
        {"role": "tool", "content": "42", "tool_call_id": "call_1"},
    ]
    assert talk(USER, *said).messages == (Message("user", "hi"), *turns)
    assert talk(USER, {"role": "assistant", "content": "a", "reasoning": "hm"}, USER).messages[1].reasoning == "hm"
    assert talk(USER, said[0]).prefill is False


def test_either_name_limits_thinking() -> None:
    assert talk().thinking_budget is None
    assert talk(thinking_budget=0).thinking_budget == talk(thinking_token_budget=0).thinking_budget == 0


@pytest.mark.parametrize("endpoint", [(chat.ENDPOINT, {"messages": [USER]}), (completions.ENDPOINT, {"prompt": "hi"})])
def test_what_an_answer_must_look_like_is_passed_on(endpoint: tuple[Endpoint, dict[str, Any]]) -> None:
    asked = payload(endpoint[0], **endpoint[1], guided_choice=["a", "b"])
    assert asked.constraint == Constraint("choice", '["a","b"]', "guided_choice")
    schema = {"properties": {"b": {}, "a": {}}}
    answer = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    asked = payload(endpoint[0], **endpoint[1], response_format=answer)
    source = '{"properties":{"b":{},"a":{}}}'
    assert asked.constraint == Constraint("json_schema", source, "response_format.json_schema.schema")
    assert payload(endpoint[0], **endpoint[1], response_format={"type": "text"}).constraint is None


def test_a_completion_s_prompts_are_texts_or_tokens() -> None:
    assert payload(completions.ENDPOINT, prompt=[[1], [2, 3]]).prompts == ((1,), (2, 3))
    asked = payload(completions.ENDPOINT, prompt=["a", "b"], echo=True, max_tokens=0, logprobs=2)
    assert asked == CompletionRequest(("a", "b"), True, max_tokens=0, logprobs=2)


def test_what_is_tokenized_is_a_text_or_a_conversation_as_a_chat_reads_it() -> None:
    assert payload(tokenize.ENDPOINT, prompt="") == TokenizeRequest("")
    assert payload(tokenize.ENDPOINT, prompt="a", add_special_tokens=False) == TokenizeRequest("a", False)
    for endpoint in (tokenize.ENDPOINT, chat_render.ENDPOINT):
        asked = payload(endpoint, messages=[USER], add_generation_prompt=False, reasoning_effort="high")
        read = RenderRequest((Message("user", "hi"),), False, {"reasoning_effort": "high"}, False)
        assert asked == read


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ({}, {}),
        ({"prompt_name": "query", "dimensions": 5}, {"prompt_name": "query", "dimensions": 5}),
        ({"input_type": "document"}, {"input_type": "document"}),
        ({"truncate": "NONE"}, {}),
        ({"truncate": "END"}, {"truncate": "end"}),
        ({"truncate": "START"}, {"truncate": "start"}),
        ({"truncate_prompt_tokens": 7}, {"truncate": "end", "max_tokens": 7}),
        ({"truncate_prompt_tokens": -1}, {"truncate": "end"}),
        ({"truncate": "START", "truncate_prompt_tokens": 7}, {"truncate": "start", "max_tokens": 7}),
    ],
)
def test_how_inputs_are_to_be_embedded(body: dict[str, Any], asked: dict[str, Any]) -> None:
    assert payload(embeddings.ENDPOINT, input="a", **body) == EmbeddingRequest(("a",), **asked)

"""Tools, which of them are to be called, and calls that are sent back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from openai.types.chat import ChatCompletionMessage, ParsedChatCompletionMessage

from schemas.chat import ChatSchema
from schemas.chat_render import ChatRenderSchema
from schemas.fields import Body
from schemas.tokenize import TokenizeSchema
from schemas.tools import Choice
from tests.schemas.bodies import CHAT, refused

OBJECT = {"type": "object", "properties": {"b": {"type": "string"}, "a": {}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
USER = CHAT["messages"][0]


def tool(name: str = "look", **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **more}}


def chat(*turns: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(turns or (USER,)), **more}


@pytest.mark.parametrize("schema", [ChatSchema, ChatRenderSchema, TokenizeSchema])
@pytest.mark.parametrize(
    "tools",
    [
        [],
        [tool()],
        [tool("a" * 64), tool("B.c-d_9")],
        [tool(description="", parameters={}, strict=True)],
        [tool(description="looks", parameters=OBJECT, strict=False)],
        [tool(str(number)) for number in range(128)],
    ],
)
def test_tools_are_taken_as_they_are(schema: type[Body], tools: list[Any]) -> None:
    found = schema().load(chat(tools=tools))["tools"]
    assert found == tools
    assert msgspec.json.encode(found) == msgspec.json.encode(tools), "the order of properties changed"


def test_what_a_tool_leaves_null_is_absent() -> None:
    assert ChatSchema().load(chat(tools=[tool(description=None, parameters=None, strict=None)]))["tools"] == [tool()]


@pytest.mark.parametrize("schema", [ChatSchema, ChatRenderSchema, TokenizeSchema])
@pytest.mark.parametrize(
    ("tools", "param"),
    [
        ({}, "tools"),
        ([tool(str(number)) for number in range(129)], "tools"),
        (["look"], "tools[0]"),
        ([{"function": {"name": "look"}}], "tools[0]"),
        ([tool(), {"type": "custom", "custom": {"name": "x"}}], "tools[1].type"),
        ([{"type": "web_search"}], "tools[0].type"),
        ([{"type": "function"}], "tools[0].function"),
        ([{"type": "function", "function": {}}], "tools[0].function.name"),
        ([tool("")], "tools[0].function.name"),
        ([tool("a" * 65)], "tools[0].function.name"),
        ([tool("look up")], "tools[0].function.name"),
        ([tool("look\n")], "tools[0].function.name"),
        ([tool(), tool("other"), tool()], "tools[2].function.name"),
        ([tool(description=5)], "tools[0].function.description"),
        ([tool(parameters=[])], "tools[0].function.parameters"),
        ([tool(parameters={"type": "string"})], "tools[0].function.parameters"),
        ([tool(parameters={"a": msgspec.json.decode("[" * 40 + "]" * 40)})], "tools[0].function.parameters"),
        ([tool(strict="yes")], "tools[0].function.strict"),
    ],
)
def test_what_is_no_tool(schema: type[Body], tools: Any, param: str) -> None:
    assert refused(schema, chat(tools=tools)) == ("invalid_value", param)


def test_a_field_that_no_tool_has_is_refused() -> None:
    assert refused(ChatSchema, chat(tools=[tool(colour=1)])) == ("unknown_parameter", "tools[0].function.colour")


NAMED = {"type": "function", "function": {"name": "look"}}


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        ("none", Choice("none")),
        ("auto", Choice("auto")),
        ("required", Choice("required")),
        (NAMED, Choice("required", "look")),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NAMED]}},
            Choice("auto", None, ("look",)),
        ),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NAMED, tool("b")]}},
            Choice("required", None, ("look", "b")),
        ),
    ],
)
def test_which_tools_are_to_be_called(choice: Any, taken: Choice) -> None:
    assert ChatSchema().load(chat(tools=[tool(), tool("b")], tool_choice=choice))["tool_choice"] == taken


@pytest.mark.parametrize("tools", [{}, {"tools": []}])
def test_without_tools_only_a_call_that_has_to_be_is_wrong(tools: dict[str, Any]) -> None:
    for choice in ("none", "auto"):
        assert ChatSchema().load(chat(**tools, tool_choice=choice, parallel_tool_calls=False))
    for wrong in ("required", NAMED):
        assert refused(ChatSchema, chat(**tools, tool_choice=wrong)) == ("invalid_value", "tool_choice")


def allowed(mode: str, *tools: dict[str, Any]) -> dict[str, Any]:
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": list(tools)}}


@pytest.mark.parametrize(
    ("choice", "param"),
    [
        ("any", "tool_choice"),
        (5, "tool_choice"),
        ({"function": {"name": "look"}}, "tool_choice"),
        ({"type": "custom", "custom": {"name": "look"}}, "tool_choice.type"),
        ({"type": "function"}, "tool_choice.function"),
        ({"type": "function", "function": {"name": ""}}, "tool_choice.function.name"),
        ({"type": "function", "function": {"name": "other"}}, "tool_choice.function.name"),
        (allowed("none", NAMED), "tool_choice.allowed_tools.mode"),
        (allowed("auto"), "tool_choice.allowed_tools.tools"),
        (allowed("auto", {"type": "mcp"}), "tool_choice.allowed_tools.tools[0].type"),
        (allowed("auto", NAMED, tool("other")), "tool_choice.allowed_tools.tools[1].function.name"),
    ],
)
def test_a_choice_that_cannot_be_met(choice: Any, param: str) -> None:
    assert refused(ChatSchema, chat(tools=[tool()], tool_choice=choice)) == ("invalid_value", param)


def test_the_old_names_of_tools_are_refused_by_name() -> None:
    for name, value in (("functions", [{"name": "look"}]), ("function_call", {"name": "look"})):
        assert refused(ChatSchema, chat(**{name: value})) == ("unsupported_parameter", name)


def assistant(**more: Any) -> dict[str, Any]:
    return {"role": "assistant", **more}


@pytest.mark.parametrize(
    "turn",
    [
        assistant(tool_calls=[CALL]),
        assistant(tool_calls=[CALL], content=None),
        assistant(tool_calls=[CALL], content="", reasoning_content="hm"),
        assistant(tool_calls=[{**CALL, "index": 0}], content="I will look."),
        assistant(content="", reasoning="hm", reasoning_content="hm", refusal=None, tool_calls=[]),
        {"role": "tool", "tool_call_id": "call_1", "content": "42", "name": "look"},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "42"}]},
    ],
)
def test_turns_with_calls_and_thinking(turn: dict[str, Any]) -> None:
    found = ChatSchema().load(chat(USER, turn, USER))["messages"][1]
    assert found["role"] == turn["role"]
    assert [call["id"] for call in found.get("tool_calls", [])] == [call["id"] for call in turn.get("tool_calls", [])]


@pytest.mark.parametrize("kind", [ChatCompletionMessage, ParsedChatCompletionMessage])
@pytest.mark.parametrize(
    "told",
    [
        assistant(content="Paris.", refusal=None, reasoning_content="hm"),
        assistant(content=None, refusal=None, tool_calls=[CALL, {**CALL, "id": "call_2"}]),
        assistant(content=None, refusal=None, tool_calls=[{**CALL, "function": {"name": "look", "arguments": '{"a'}}]),
    ],
)
def test_an_answer_of_ours_can_be_sent_back_as_the_sdk_dumps_it(kind: type[Any], told: dict[str, Any]) -> None:
    dumped = kind.model_validate(told).model_dump()
    assert {"annotations", "audio", "function_call"} <= set(dumped)
    found = ChatSchema().load(chat(USER, dumped, USER))["messages"][1]
    assert found == ChatSchema().load(chat(USER, told, USER))["messages"][1]


@pytest.mark.parametrize(
    ("turn", "param"),
    [
        (assistant(), "content"),
        (assistant(content=None, tool_calls=[]), "content"),
        ({"role": "user"}, "content"),
        ({"role": "tool", "tool_call_id": "call_1"}, "content"),
        ({"role": "tool", "content": "42"}, "tool_call_id"),
        ({"role": "tool", "content": "42", "tool_call_id": ""}, "tool_call_id"),
        ({"role": "user", "content": "42", "tool_call_id": "call_1"}, "tool_call_id"),
        ({"role": "user", "content": "42", "tool_calls": [CALL]}, "tool_calls"),
        ({"role": "user", "content": "42", "reasoning_content": "hm"}, "reasoning_content"),
        ({"role": "system", "content": "42", "reasoning": "hm"}, "reasoning"),
        (assistant(content="42", reasoning_content="hm", reasoning="ha"), "reasoning"),
        (assistant(tool_calls=CALL), "tool_calls"),
        (assistant(tool_calls=["call_1"]), "tool_calls[0]"),
        (assistant(tool_calls=[{**CALL, "type": "custom"}]), "tool_calls[0].type"),
        (assistant(tool_calls=[{"type": "function", "function": CALL["function"]}]), "tool_calls[0].id"),
        (assistant(tool_calls=[{"id": "1", "type": "function"}]), "tool_calls[0].function"),
        (assistant(tool_calls=[CALL, {**CALL, "function": {"name": "look"}}]), "tool_calls[1].function.arguments"),
        (
            assistant(tool_calls=[{**CALL, "function": {"name": "look", "arguments": {}}}]),
            "tool_calls[0].function.arguments",
        ),
        (
            assistant(tool_calls=[{**CALL, "function": {"name": "", "arguments": ""}}]),
            "tool_calls[0].function.name",
        ),
    ],
)
def test_a_turn_that_cannot_be(turn: dict[str, Any], param: str) -> None:
    assert refused(ChatSchema, chat(USER, turn, USER)) == ("invalid_value", f"messages[1].{param}")


@pytest.mark.parametrize("name", ["function_call", "refusal", "audio", "annotations"])
def test_what_no_answer_of_ours_carries_is_refused_by_name(name: str) -> None:
    turn = assistant(content="42", **{name: {"name": "look"}})
    assert refused(ChatSchema, chat(USER, turn)) == ("unsupported_parameter", f"messages[1].{name}")


def test_calls_cannot_be_continued() -> None:
    turn = assistant(content="", tool_calls=[CALL], partial=True)
    assert refused(ChatSchema, chat(USER, turn)) == ("invalid_value", "messages[1].partial")

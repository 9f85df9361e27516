"""Tools, which of them are to be called, and calls that are sent back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from openai.types.chat import ChatCompletionMessage, ParsedChatCompletionMessage

from schemas.fields import Body
from schemas.text.chat import ChatSchema
from schemas.text.chat_render import ChatRenderSchema
from schemas.text.tokenize import TokenizeSchema
from schemas.text.tools import Choice
from tests.schemas.bodies import CHAT, refused

OBJECT = {"type": "object", "properties": {"b": {"type": "string"}, "a": {}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
USER = CHAT["messages"][0]


def tool(name: str = "look", **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **more}}


def custom(name: str = "write", **more: Any) -> dict[str, Any]:
    return {"type": "custom", "custom": {"name": name, **more}}


def grammar(syntax: str, definition: str) -> dict[str, Any]:
    return {"type": "grammar", "grammar": {"syntax": syntax, "definition": definition}}


def chat(*turns: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(turns or (USER,)), **more}


@pytest.mark.parametrize("schema", [ChatSchema, ChatRenderSchema, TokenizeSchema])
@pytest.mark.parametrize(
    "tools",
    [
        [],
        [tool()],
        [tool("a" * 200), tool("B.c-d_9")],
        [tool("server/look:up"), tool("mcp__files__read"), tool("größe"), tool("a@b#c+d~e")],
        [tool(description="", parameters={}, strict=True)],
        [tool(description="looks", parameters=OBJECT, strict=False)],
        [tool(str(number)) for number in range(1024)],
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
        ([tool(str(number)) for number in range(1025)], "tools"),
        (["look"], "tools[0]"),
        ([{"function": {"name": "look"}}], "tools[0]"),
        ([tool(), {"type": "custom", "custom": {}}], "tools[1].custom.name"),
        ([tool(), custom("look")], "tools[1].custom.name"),
        ([custom(format={"type": "xml"})], "tools[0].custom.format.type"),
        ([custom(format={"type": "grammar"})], "tools[0].custom.format.grammar"),
        ([custom(format=grammar("bnf", "a"))], "tools[0].custom.format.grammar.syntax"),
        ([custom(format=grammar("lark", ""))], "tools[0].custom.format.grammar.definition"),
        ([custom(format=grammar("regex", "a" * 70_000))], "tools[0].custom.format.grammar.definition"),
        ([{"type": "web_search"}], "tools[0].type"),
        ([{"type": "function"}], "tools[0].function"),
        ([{"type": "function", "function": {}}], "tools[0].function.name"),
        ([tool("")], "tools[0].function.name"),
        ([tool("a" * 201)], "tools[0].function.name"),
        ([tool('"look"')], "tools[0].function.name"),
        ([tool("look<|end|>")], "tools[0].function.name"),
        ([tool("look(")], "tools[0].function.name"),
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


@pytest.mark.parametrize(
    "given",
    [
        custom(),
        custom(description="Writes.", format={"type": "text"}),
        custom(format=grammar("lark", 'start: "a"')),
        custom(format=grammar("regex", "[a-z]+")),
    ],
)
def test_tools_that_take_a_text(given: dict[str, Any]) -> None:
    assert ChatSchema().load(chat(tools=[tool(), given]))["tools"] == [tool(), given]
    choice = {"type": "custom", "custom": {"name": "write"}}
    taken = ChatSchema().load(chat(tools=[tool(), given], tool_choice=choice))["tool_choice"]
    assert taken == Choice("required", "write", kind="custom")
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [choice]}}
    taken = ChatSchema().load(chat(tools=[tool(), given], tool_choice=allowed))["tool_choice"]
    assert taken == Choice("auto", None, ("write",))
    wrong = {"type": "custom", "custom": {"name": "read"}}
    assert refused(ChatSchema, chat(tools=[given], tool_choice=wrong)) == ("invalid_value", "tool_choice.custom.name")


def test_what_other_servers_take_beside_a_tool_changes_nothing() -> None:
    marked = {**tool(), "cache_control": {"type": "ephemeral"}}
    assert ChatSchema().load(chat(tools=[marked]))["tools"] == [tool()]


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
        ({"type": "mcp", "mcp": {"name": "look"}}, "tool_choice.type"),
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
        (assistant(tool_calls=[{**CALL, "type": "custom"}]), "tool_calls[0].custom"),
        (assistant(tool_calls=[{**CALL, "type": "web"}]), "tool_calls[0].type"),
        ({"role": "function", "content": "42"}, "name"),
        ({"role": "user", "content": "42", "refusal": "no"}, "refusal"),
        (assistant(content="42", refusal={"name": "look"}), "refusal"),
        (assistant(tool_calls=[{"type": "function", "function": CALL["function"]}]), "tool_calls[0].id"),
        (assistant(tool_calls=[{"id": "1", "type": "function"}]), "tool_calls[0].function"),
        (assistant(tool_calls=[CALL, {**CALL, "function": {"name": "look"}}]), "tool_calls[1].function.arguments"),
        (
            assistant(tool_calls=[{**CALL, "function": {"name": "look", "arguments": []}}]),
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


def test_what_no_answer_of_ours_carries_is_refused_by_name() -> None:
    turn = assistant(content="42", annotations=[{"name": "look"}])
    assert refused(ChatSchema, chat(USER, turn)) == ("unsupported_parameter", "messages[1].annotations")


def test_calls_cannot_be_continued() -> None:
    turn = assistant(content="", tool_calls=[CALL], partial=True)
    assert refused(ChatSchema, chat(USER, turn)) == ("invalid_value", "messages[1].partial")


KEPT = {
    "id": "msg_1",
    "timestamp": 1764300000,
    "provider_specific_fields": {"a": 1},
    "reasoning_details": [{"type": "reasoning.text", "text": "hm"}],
    "cache_control": {"type": "ephemeral"},
}


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_what_clients_keep_beside_a_turn_changes_nothing(role: str) -> None:
    turn = {"role": role, "content": "hi"}
    assert ChatSchema().load(chat({**turn, **KEPT}, USER)) == ChatSchema().load(chat(turn, USER))


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ({"id": "1", "function": {"name": "look", "arguments": '{"a": 1}'}}, '{"a": 1}'),
        ({"id": "1", "function": {"name": "look", "arguments": {"b": 1, "a": "é"}}}, '{"b":1,"a":"é"}'),
        ({"id": "1", "type": None, "function": {"name": "look", "arguments": {}}}, "{}"),
        ({**CALL, "extra_content": {"google": {"thought_signature": "x"}}, "index": 0}, '{"a": 1}'),
    ],
)  # fmt: skip
def test_a_call_as_other_servers_told_it(call: dict[str, Any], arguments: str) -> None:
    (found,) = ChatSchema().load(chat(USER, assistant(tool_calls=[call]), USER))["messages"][1]["tool_calls"]
    assert found["function"] == {"name": "look", "arguments": arguments}


def test_a_call_of_a_tool_that_takes_a_text() -> None:
    call = {"id": "call_1", "type": "custom", "custom": {"name": "write", "input": 'say "hi"\n'}}
    (found,) = ChatSchema().load(chat(USER, assistant(tool_calls=[call]), USER))["messages"][1]["tool_calls"]
    assert found == call


def test_a_refusal_is_what_an_assistant_said() -> None:
    for turn in (assistant(refusal="No."), assistant(content=None, refusal="No.")):
        assert ChatSchema().load(chat(USER, turn, USER))["messages"][1]["refusal"] == "No."


def test_the_result_of_a_function_is_a_turn() -> None:
    turn = {"role": "function", "name": "look", "content": "42"}
    assert ChatSchema().load(chat(USER, turn))["messages"][1] == {**turn, "tool_call_id": "call_look"}


@pytest.mark.parametrize("name", ["partial", "prefix"])
def test_the_beginning_of_an_answer_under_both_its_names(name: str) -> None:
    assert ChatSchema().load(chat(USER, assistant(content="Well,", **{name: True})))["messages"][1]["partial"] is True
    begun = chat(USER, assistant(content="Well,", **{name: True}), USER)
    assert refused(ChatSchema, begun) == ("invalid_value", f"messages[1].{name}")


@pytest.mark.parametrize("schema", [ChatSchema, ChatRenderSchema, TokenizeSchema])
def test_how_a_prompt_ends(schema: type[Body]) -> None:
    begun = chat(USER, assistant(content="Well,"))
    for told in (
        {"continue_final_message": True, "add_generation_prompt": False},
        {"continue_final_message": True},
        {"continue_final_message": False},
        {"add_generation_prompt": True},
        {"add_generation_prompt": False},
    ):
        assert schema().load({**begun, **told})
    both = {"continue_final_message": True, "add_generation_prompt": True}
    assert refused(schema, {**begun, **both}) == ("invalid_value", "continue_final_message")
    assert refused(schema, chat(USER, continue_final_message=True)) == ("invalid_value", "continue_final_message")

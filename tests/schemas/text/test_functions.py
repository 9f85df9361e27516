"""OpenAI's older form of tools means the same as the newer one."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.text.chat import ChatSchema
from tests.schemas.bodies import CHAT, refused

USER = CHAT["messages"][0]
LOOK = {"name": "look", "description": "looks", "parameters": {"type": "object", "properties": {"at": {}}}}
CALL = {"name": "look", "arguments": '{"at": 1}'}
TOOL = {"type": "function", "function": LOOK}


def chat(*turns: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [USER, *turns], **more}


@pytest.mark.parametrize(
    ("given", "choice"),
    [
        ({}, "auto"),
        ({"function_call": None}, "auto"),
        ({"function_call": "auto"}, "auto"),
        ({"function_call": "none"}, "none"),
        ({"function_call": {"name": "look"}}, {"type": "function", "function": {"name": "look"}}),
    ],
)
def test_functions_are_tools_of_which_one_is_called(given: dict[str, Any], choice: Any) -> None:
    found = ChatSchema().load(chat(functions=[LOOK], **given))
    newer = ChatSchema().load(chat(tools=[TOOL], tool_choice=choice, parallel_tool_calls=False))
    assert {name: found[name] for name in newer} == newer


@pytest.mark.parametrize("given", [{"functions": []}, {"function_call": "auto"}, {"function_call": "none"}])
def test_without_a_function_they_change_nothing(given: dict[str, Any]) -> None:
    found, plain = ChatSchema().load(chat(tools=[TOOL], **given)), ChatSchema().load(chat(tools=[TOOL]))
    assert {name: found[name] for name in plain} == plain and "tool_choice" not in found


def test_a_conversation_of_such_calls_is_one_of_tools() -> None:
    older = chat(
        {"role": "assistant", "content": None, "function_call": CALL},
        {"role": "function", "name": "look", "content": "42"},
        {"role": "assistant", "content": "It is 42.", "function_call": None},
    )
    call, result, said = ChatSchema().load(older)["messages"][1:]
    assert [(one["type"], one["function"]) for one in call["tool_calls"]] == [("function", CALL)]
    assert result["tool_call_id"] == call["tool_calls"][0]["id"] and result["content"] == "42"
    assert "function_call" not in call and "tool_calls" not in said


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (chat(functions=[LOOK], tools=[TOOL]), "functions"),
        (chat(functions=[LOOK, LOOK]), "functions[1].name"),
        (chat(functions=[{"description": "looks"}]), "functions[0].name"),
        (chat(functions=[{"name": "a b"}]), "functions[0].name"),
        (chat(functions=[{"name": "a", "parameters": {"type": "array"}}]), "functions[0].parameters"),
        (chat(functions=LOOK), "functions"),
        (chat(functions=[LOOK], function_call="required"), "function_call"),
        (chat(functions=[LOOK], function_call={}), "function_call.name"),
        (chat(functions=[LOOK], function_call={"name": "other"}), "function_call.name"),
        (chat(function_call={"name": "look"}), "function_call.name"),
        (chat(tools=[TOOL], function_call={"name": "look"}), "function_call.name"),
        (chat(functions=[LOOK], tool_choice="required"), "tool_choice"),
        (chat(functions=[LOOK], function_call={"name": "look"}, guided_regex="a"), "guided_regex"),
        (chat({"role": "assistant", "function_call": {"name": "look"}}), "messages[1].function_call.arguments"),
        (chat({"role": "assistant", "function_call": "look"}), "messages[1].function_call"),
        (chat({"role": "user", "content": "hi", "function_call": CALL}), "messages[1].function_call"),
        (
            chat(
                {
                    "role": "assistant",
                    "function_call": CALL,
                    "tool_calls": [{"id": "a", "type": "function", "function": CALL}],
                }
            ),
            "messages[1].function_call",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(body: dict[str, Any], param: str) -> None:
    assert refused(ChatSchema, body) == ("invalid_value", param)

"""Conversations with tools, as templates take them."""

from __future__ import annotations

import pytest

from tasks.values.requests import Message, Tool, ToolCall
from workers.engines.text import conversation
from workers.parsers import registry

HERMES = registry.find("tools", "hermes")
CALL = ToolCall("call_1", "add", '{"a": 1}')
TALK = (
    Message("system", "Be brief."),
    Message("user", "1 + 2?"),
    Message("assistant", "Well.", calls=(CALL, ToolCall("call_2", "add", "{}")), reasoning="hm"),
    Message("tool", "3", call_id="call_1"),
    Message("tool", "0", call_id="call_2"),
    Message("user", "and?", name="ann"),
)


@pytest.mark.parametrize(("objects", "arguments"), [(True, {"a": 1}), (False, '{"a": 1}')])
def test_a_template_that_knows_tools_gets_calls_as_it_wants_them(objects: bool, arguments: object) -> None:
    turns = conversation.native(TALK, objects=objects)
    assert turns[2]["tool_calls"][0] == {
        "id": "call_1",
        "type": "function",
        "function": {"name": "add", "arguments": arguments},
    }
    assert turns[2]["reasoning_content"] == "hm"
    assert turns[3] == {"role": "tool", "content": "3", "name": "add", "tool_call_id": "call_1"}
    assert turns[5] == {"role": "user", "content": "and?", "name": "ann"}


def test_a_broken_call_of_an_earlier_turn_stays_as_it_is() -> None:
    broken = Message("assistant", "", calls=(ToolCall("call_1", "add", '{"a": '),))
    (turn,) = conversation.native([broken], objects=True)
    assert turn["tool_calls"][0]["function"]["arguments"] == '{"a": '
    (turn,) = conversation.plain([broken], (), HERMES)
    assert "add" in turn["content"]


def test_a_template_that_knows_no_tools_gets_everything_as_text() -> None:
    turns = conversation.plain(TALK, [Tool("add", "Adds.", {"type": "object"})], HERMES)
    assert [turn["role"] for turn in turns] == ["system", "user", "assistant", "user", "user"]
    assert all(set(turn) <= {"role", "content", "name"} for turn in turns)
    assert turns[0]["content"].startswith("Be brief.\n\n") and '"name": "add"' in turns[0]["content"]
    assert turns[2]["content"].startswith("Well.\n") and '"a": 1' in turns[2]["content"]
    assert turns[3]["content"] == ("<tool_response>\n3\n</tool_response>\n<tool_response>\n0\n</tool_response>")


def test_the_tools_come_first_where_there_is_no_system_message() -> None:
    turns = conversation.plain([Message("user", "hi")], [Tool("add")], HERMES)
    assert [turn["role"] for turn in turns] == ["system", "user"]
    assert conversation.plain([Message("user", "hi")], [], HERMES) == [{"role": "user", "content": "hi"}]


DEEP = ["[" * 20_000, '{"a": ' + "[" * 900 + "]" * 900 + "}", '{"a":' * 500 + "1" + "}" * 500]


@pytest.mark.parametrize("arguments", DEEP)
@pytest.mark.parametrize("name", registry.formats("tools"))
def test_arguments_too_deep_to_be_written_again_stay_text_in_every_format(name: str, arguments: str) -> None:
    deep = Message("assistant", "", calls=(ToolCall("call_1", "add", arguments),))
    (turn,) = conversation.native([deep], objects=True)
    assert turn["tool_calls"][0]["function"]["arguments"] == arguments
    (turn,) = conversation.plain([deep], (), registry.find("tools", name))
    assert "add" in turn["content"]


@pytest.mark.parametrize("name", registry.formats("tools"))
def test_arguments_as_deep_as_are_taken_are_written_in_every_format(name: str) -> None:
    nested = Message("assistant", "", calls=(ToolCall("call_1", "add", '{"a": ' + "[" * 60 + "]" * 60 + "}"),))
    (turn,) = conversation.plain([nested], (), registry.find("tools", name))
    assert turn["content"].count("[") >= 60

"""Conversations with tools, as templates take them."""

from __future__ import annotations

import pytest

from tasks.values.blob_ref import BlobRef
from tasks.values.messages import Media, Message, ToolCall
from tasks.values.requests import Tool
from workers.engines.text import conversation
from workers.engines.text.template import TemplateSupport
from workers.parsers import registry

HERMES = registry.find("tools", "hermes")
CALL = ToolCall("call_1", "add", '{"a": 1}')
OTHER = ToolCall("call_2", "add", "{}")
TALK = (
    Message("system", "Be brief."),
    Message("user", "1 + 2?"),
    Message("assistant", "Well.", calls=(CALL, OTHER), reasoning="hm"),
    Message("tool", "3", call_id="call_1"),
    Message("tool", "0", call_id="call_2"),
    Message("user", "and?", name="ann"),
)
ALL = TemplateSupport()


@pytest.mark.parametrize(("objects", "arguments"), [(True, {"a": 1}), (False, '{"a": 1}')])
def test_a_template_that_knows_tools_gets_calls_as_it_wants_them(objects: bool, arguments: object) -> None:
    turns = conversation.native(TALK, ALL._replace(objects=objects), HERMES)
    assert turns[2]["tool_calls"][0] == {
        "id": "call_1",
        "type": "function",
        "function": {"name": "add", "arguments": arguments},
    }
    assert turns[2]["reasoning_content"] == "hm"
    assert turns[3] == {"role": "tool", "content": "3", "name": "add", "tool_call_id": "call_1"}
    assert turns[5] == {"role": "user", "content": "and?", "name": "ann"}


def test_a_tool_without_a_description_or_parameters_has_empty_ones() -> None:
    (function,) = conversation.functions([Tool("add")])
    empty = {"type": "object", "properties": {}}
    assert function["function"] == {"name": "add", "description": "", "parameters": empty}


@pytest.mark.parametrize("arguments", ["", " ", '{"a": ', "[]", "null", "3", '"text"'])
def test_arguments_that_are_no_object_are_an_empty_one_where_a_template_takes_them_apart(arguments: str) -> None:
    broken = Message("assistant", "", calls=(ToolCall("call_1", "add", arguments),))
    (turn,) = conversation.native([broken], ALL, HERMES)
    assert turn["tool_calls"][0]["function"]["arguments"] == {}
    (turn,) = conversation.plain([broken], (), ALL, HERMES)
    assert turn["content"] == HERMES.write([("add", {})])


@pytest.mark.parametrize(("arguments", "text"), [("", "{}"), ('{"a": ', '{"a":'), ("[]", "[]")])
def test_as_text_they_stay_what_they_are(arguments: str, text: str) -> None:
    broken = Message("assistant", "", calls=(ToolCall("call_1", "add", arguments),))
    (turn,) = conversation.native([broken], ALL._replace(objects=False), HERMES)
    assert turn["tool_calls"][0]["function"]["arguments"] == text


def test_an_id_is_kept_where_the_template_takes_it_and_else_stands_for_the_same_one() -> None:
    short = ALL._replace(short_ids=True)
    turns = conversation.native(TALK, short, HERMES)
    first, second = (call["id"] for call in turns[2]["tool_calls"])
    assert first != second and all(len(one) == 9 and one.isalnum() for one in (first, second))
    assert [turn["tool_call_id"] for turn in turns[3:5]] == [first, second]
    own = (Message("assistant", "", calls=(ToolCall("VvvODy9mT", "add", "{}"),)),)
    assert conversation.native(own, short, HERMES)[0]["tool_calls"][0]["id"] == "VvvODy9mT"


def test_several_calls_are_a_turn_each_where_a_turn_holds_one() -> None:
    extra = Message("tool", "?", call_id="call_9")
    turns = conversation.native([*TALK[:5], extra, TALK[5]], ALL._replace(parallel=False), HERMES)
    assert [turn["role"] for turn in turns] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
        "tool",
        "user",
    ]
    assert [[call["id"] for call in turn.get("tool_calls", ())] for turn in turns[2:6]] == [
        ["call_1"],
        [],
        ["call_2"],
        [],
    ]
    assert (turns[2]["content"], turns[2]["reasoning_content"], turns[4]["content"]) == ("Well.", "hm", "")
    assert [turn["content"] for turn in turns[3::2]] == ["3", "0", "and?"]


def test_content_beside_a_call_is_a_turn_before_it_where_a_template_shows_one_of_both() -> None:
    turns = conversation.native(TALK[1:4], ALL._replace(beside=False), HERMES)
    assert [turn["role"] for turn in turns] == ["user", "assistant", "assistant", "tool"]
    assert turns[1] == {"role": "assistant", "content": "Well."}
    assert turns[2]["content"] == "" and len(turns[2]["tool_calls"]) == 2


def test_content_joins_the_thinking_where_a_template_takes_one_of_both() -> None:
    turns = conversation.native(TALK[1:4], ALL._replace(both=False, thoughts=("thinking",)), HERMES)
    assert (turns[1]["content"], turns[1]["thinking"]) == ("", "hm\n\nWell.")


def test_past_calls_and_results_are_text_where_a_template_shows_none() -> None:
    turns = conversation.native(TALK, ALL._replace(calls=False, results=False), HERMES)
    assert [turn["role"] for turn in turns] == ["system", "user", "assistant", "user", "user"]
    written = HERMES.write([("add", {"a": 1}), ("add", {})])
    assert turns[2] == {"role": "assistant", "content": f"Well.\n{written}"}
    assert turns[3]["content"] == ("<tool_response>\n3\n</tool_response>\n<tool_response>\n0\n</tool_response>")


def test_what_the_system_says_is_the_user_s_where_a_template_has_no_place_for_it() -> None:
    without = ALL._replace(system=False)
    turns = conversation.native([*TALK, Message("system", "Now.")], without, HERMES)
    assert turns[0] == {"role": "user", "content": "Be brief.\n\n1 + 2?"}
    assert turns[-1] == {"role": "user", "content": "Now."}
    (turn,) = conversation.plain([Message("user", "hi")], [Tool("add")], without, HERMES)
    assert turn["role"] == "user" and '"add"' in turn["content"] and turn["content"].endswith("\n\nhi")
    picture = Media("image", BlobRef("0" * 64, 1, "image/png"), 2, "messages[1]")
    (turn,) = conversation.native([TALK[0], Message("user", "a b", media=(picture,))], without, HERMES)
    assert turn["content"][: turn["media"][0].at] == "Be brief.\n\na "


def test_a_template_that_knows_no_tools_gets_everything_as_text() -> None:
    turns = conversation.plain(TALK, [Tool("add", "Adds.", {"type": "object"})], ALL, HERMES)
    assert [turn["role"] for turn in turns] == ["system", "user", "assistant", "user", "user"]
    assert all(set(turn) <= {"role", "content", "name"} for turn in turns)
    assert turns[0]["content"].startswith("Be brief.\n\n") and '"name": "add"' in turns[0]["content"]
    assert turns[2]["content"].startswith("Well.\n") and '"a": 1' in turns[2]["content"]
    assert turns[3]["content"] == ("<tool_response>\n3\n</tool_response>\n<tool_response>\n0\n</tool_response>")


def test_the_tools_come_first_where_there_is_no_system_message() -> None:
    turns = conversation.plain([Message("user", "hi")], [Tool("add")], ALL, HERMES)
    assert [turn["role"] for turn in turns] == ["system", "user"]
    assert conversation.plain([Message("user", "hi")], [], ALL, HERMES) == [{"role": "user", "content": "hi"}]


DEEP = ["[" * 20_000, '{"a": ' + "[" * 900 + "]" * 900 + "}", '{"a":' * 500 + "1" + "}" * 500]


@pytest.mark.parametrize("arguments", DEEP)
@pytest.mark.parametrize("name", registry.formats("tools"))
def test_arguments_too_deep_to_be_written_again_are_left_out_in_every_format(name: str, arguments: str) -> None:
    deep = Message("assistant", "", calls=(ToolCall("call_1", "add", arguments),))
    (turn,) = conversation.native([deep], ALL, HERMES)
    assert turn["tool_calls"][0]["function"]["arguments"] == {}
    (turn,) = conversation.plain([deep], (), ALL, registry.find("tools", name))
    assert "add" in turn["content"]


@pytest.mark.parametrize("name", registry.formats("tools"))
def test_arguments_as_deep_as_are_taken_are_written_in_every_format(name: str) -> None:
    nested = Message("assistant", "", calls=(ToolCall("call_1", "add", '{"a": ' + "[" * 60 + "1" + "]" * 60 + "}"),))
    (turn,) = conversation.plain([nested], (), ALL, registry.find("tools", name))
    assert turn["content"].count("[") >= 60

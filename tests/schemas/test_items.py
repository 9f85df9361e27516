"""Items of every type, as clients send them, and the turns that they add up to."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.content import LOW, Media
from schemas.fields import loaded
from schemas.items import turns
from schemas.responses import ResponsesSchema
from tests.schemas.bodies import refused

URL = "data:image/png;base64,AAAA"
CALL = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
CALLED = {"id": "c1", "function": {"name": "look", "arguments": "{}"}}
WROTE = {"id": "c2", "custom": {"name": "write", "input": "abc"}}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "a hat"}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}


def items(sent: Any) -> list[dict[str, Any]]:
    return list(loaded(ResponsesSchema, {"model": "m", "input": sent})["input"])


def said(text: str, role: str = "user", kind: str = "input_text") -> dict[str, Any]:
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("hi", [{"role": "user", "content": "hi"}]),
        ([{"role": "user", "content": "hi"}], [{"role": "user", "content": "hi"}]),
        ([said("a", "developer"), said("b", "system")], [{"role": "developer", "content": "a"},
                                                         {"role": "system", "content": "b"}]),
        ([said("a", "assistant", "output_text")], [{"role": "assistant", "content": "a"}]),
        ([said("a", "assistant", "output_text"), said("b", "assistant", "output_text")],
         [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]),
        ([{"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}],
         [{"role": "assistant", "content": "no"}]),
        ([THOUGHT, said("a", "assistant", "output_text"), CALL, OUTPUT],
         [{"role": "assistant", "content": "a", "reasoning_content": "hm", "tool_calls": [CALLED]},
          {"role": "tool", "content": "a hat", "tool_call_id": "c1"}]),
        ([said("a", "assistant", "output_text"), CALL, said("b", "assistant", "output_text")],
         [{"role": "assistant", "content": "ab", "tool_calls": [CALLED]}]),
        ([CALL, OUTPUT, THOUGHT, CALL],
         [{"role": "assistant", "content": "", "tool_calls": [CALLED]},
          {"role": "tool", "content": "a hat", "tool_call_id": "c1"},
          {"role": "assistant", "content": "", "reasoning_content": "hm", "tool_calls": [CALLED]}]),
        ([{"type": "custom_tool_call", "call_id": "c2", "name": "write", "input": "abc"},
          {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "done"}]}],
         [{"role": "assistant", "content": "", "tool_calls": [WROTE]},
          {"role": "tool", "content": "done", "tool_call_id": "c2"}]),
        ([{**THOUGHT, "content": None, "summary": [{"type": "summary_text", "text": "so"}]},
          said("a", "assistant", "output_text")],
         [{"role": "assistant", "content": "a", "reasoning_content": "so"}]),
    ],
)  # fmt: skip
def test_items_add_up_to_turns(sent: Any, expected: list[dict[str, Any]]) -> None:
    assert turns(items(sent)) == expected


@pytest.mark.parametrize(
    ("part", "media"),
    [
        ({"type": "input_image", "image_url": URL}, Media("image", URL, "image_url", None, "input[0].content[1]")),
        ({"type": "input_image", "file_id": "file-1", "detail": "low"},
         Media("image", "file-1", "file_id", LOW, "input[0].content[1]")),
        ({"type": "input_file", "file_data": URL, "filename": "a.png"},
         Media("file", URL, "file_data", None, "input[0].content[1]")),
        ({"type": "input_file", "file_url": "https://x.example/a"},
         Media("file", "https://x.example/a", "file_url", None, "input[0].content[1]")),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
         Media("audio", "data:audio/wav;base64,AAAA", "input_audio.data", None, "input[0].content[1]")),
    ],
)  # fmt: skip
def test_what_is_no_text_keeps_its_place(part: dict[str, Any], media: Media) -> None:
    sent = [{"role": "user", "content": [{"type": "input_text", "text": "see"}, part]}]
    assert turns(items(sent)) == [{"role": "user", "content": ("see", media)}]


def test_what_tools_show_stands_behind_their_results() -> None:
    shown = {**OUTPUT, "output": [{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": URL}]}
    media = Media("image", URL, "image_url", None, "input[1].output[1]")
    found = turns(items([CALL, shown, {**OUTPUT, "call_id": "c2"}, {"role": "user", "content": "so?"}]))
    assert [turn["role"] for turn in found] == ["assistant", "tool", "tool", "user", "user"]
    assert found[1]["content"] == "see" and found[3]["content"] == (media,)


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        (5, "input"),
        ([], "input"),
        ([5], "input[0]"),
        ([{"type": "message", "content": "a"}], "input[0].role"),
        ([{"role": "tool", "content": "a"}], "input[0].role"),
        ([{"role": "user"}], "input[0].content"),
        ([{"role": "user", "content": 5}], "input[0].content"),
        ([{"role": "user", "content": [{"type": "text", "text": "a"}]}], "input[0].content[0].type"),
        ([{"role": "system", "content": [{"type": "input_image", "image_url": URL}]}], "input[0].content[0].type"),
        ([{"role": "user", "content": [{"type": "input_image"}]}], "input[0].content[0].image_url"),
        ([{"role": "user", "content": [{"type": "input_file", "file_id": "a", "file_url": "b"}]}],
         "input[0].content[0].file_id"),
        ([{**CALL, "call_id": ""}], "input[0].call_id"),
        ([{**CALL, "arguments": 5}], "input[0].arguments"),
        ([{"type": "function_call_output", "output": "a"}], "input[0].call_id"),
        ([{**OUTPUT, "output": [{"type": "input_audio"}]}], "input[0].output[0].type"),
        ([{**CALL, "namespace": "x"}], "input[0].namespace"),
        ([{"type": "item_reference"}], "input[0].id"),
        ([{}], "input[0].id"),
        ([{"type": "compaction"}], "input[0].encrypted_content"),
        ([{"type": "reasoning", "summary": [{"type": "x"}]}], "input[0].summary[0].type"),
        *(([{"type": kind}], "input[0].type") for kind in ("web_search_call", "computer_call", "mcp_call", "other")),
    ],
)  # fmt: skip
def test_what_is_no_item_is_named(sent: Any, param: str) -> None:
    code, found = refused(ResponsesSchema, {"model": "m", "input": sent})
    assert found == param and code in ("invalid_value", "unsupported_parameter")


def test_a_checked_item_holds_what_is_known_and_nothing_else() -> None:
    sent = [{"role": "user", "content": "hi", "id": "msg_1", "other": 1, "phase": "commentary"}]
    assert items(sent) == [{"type": "message", "role": "user", "content": "hi", "id": "msg_1"}]

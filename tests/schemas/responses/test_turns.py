"""The turns that items add up to."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.responses.turns import turns
from schemas.text.content import LOW, Media
from tests.schemas.response_items import CALL, OUTPUT, URL, items

CALLED = {"id": "c1", "function": {"name": "look", "arguments": "{}"}}
WROTE = {"id": "c2", "custom": {"name": "write", "input": "abc"}}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}


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
        ([{**CALL, "namespace": "shop"}, OUTPUT],
         [{"role": "assistant", "content": "", "tool_calls": [
             {"id": "c1", "function": {"name": "shop.look", "arguments": "{}"}}]},
          {"role": "tool", "content": "a hat", "tool_call_id": "c1"}]),
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
         Media("file", URL, "file_data", None, "input[0].content[1]", "a.png")),
        ({"type": "input_file", "file_data": "QUJD", "filename": "a.pdf", "detail": "low"},
         Media("file", "data:application/pdf;base64,QUJD", "file_data", LOW, "input[0].content[1]", "a.pdf")),
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

"""Items of every type, as clients send them."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.responses.responses import ResponsesSchema
from tests.schemas.bodies import refused
from tests.schemas.response_items import CALL, OUTPUT, URL, items


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
        ([{**CALL, "namespace": 5}], "input[0].namespace"),
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

"""Items of conversations as OpenAI shows them: whole, with ids, whatever way they were sent."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

_PREFIXES = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "reasoning": "rs",
    "compaction": "cmp",
}
_STATUS = frozenset({"message", "function_call", "function_call_output"})  # whose items always have one


def identified(item: Mapping[str, Any]) -> dict[str, Any]:
    """A checked item with every field that its kind has, its own id among them, or a new one."""
    complete = {"id": f"{_PREFIXES[item['type']]}_{secrets.token_hex(24)}", **item}
    if item["type"] in _STATUS:
        complete.setdefault("status", "completed")
    elif item["type"] == "reasoning":
        complete.setdefault("summary", [])
    else:
        complete.pop("status", None)
    if item["type"] == "message":
        kind = "output_text" if item["role"] == "assistant" else "input_text"
        parts = [{"type": kind, "text": item["content"]}] if isinstance(item["content"], str) else item["content"]
        complete["content"] = [_part(part) for part in parts]
    elif item["type"].endswith("_output") and not isinstance(item["output"], str):
        complete["output"] = [_part(part) for part in item["output"]]
    return complete


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    more: dict[str, dict[str, Any]] = {"output_text": {"annotations": []}, "input_image": {"detail": "auto"}}
    return {**more.get(part["type"], {}), **part}

"""Items for tests, and what a checked body makes of them."""

from __future__ import annotations

from typing import Any

from schemas.fields import loaded
from schemas.responses.responses import ResponsesSchema

URL = "data:image/png;base64,AAAA"
CALL = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "a hat"}


def items(sent: Any) -> list[dict[str, Any]]:
    """The items of an input that a client sends."""
    return list(loaded(ResponsesSchema, {"model": "m", "input": sent})["input"])

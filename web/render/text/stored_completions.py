"""Chat completions that are stored: themselves, and the messages that they answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tasks.stored.completions import Stored
from tasks.values.chat_completion import Output
from web.render.text import chat

_BESIDE = ("name", "tool_call_id", "reasoning_content")  # of a message that has them


def body(stored: Stored, output: Output) -> dict[str, Any]:
    """The answer as its call gave it, with its owner's words about it."""
    return {**chat.answer(output.job, output.result), "metadata": stored.metadata}


def messages(sent: Sequence[Mapping[str, Any]], checked: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The messages of a chat as `identified` shows them; both arguments are the same messages."""
    return [_message(raw.get("content"), turn) for raw, turn in zip(sent, checked, strict=True)]


def identified(completion_id: str, messages: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The messages that a completion answered, each with its own id."""
    return [{"id": f"{completion_id}-{index}", **message} for index, message in enumerate(messages)]


def _message(content: str | list[dict[str, Any]] | None, turn: Mapping[str, Any]) -> dict[str, Any]:
    """A message with its text, and with its texts and images where it was sent in parts."""
    parts = content if isinstance(content, list) else None
    calls = [{"type": "function", **call} for call in turn.get("tool_calls", ())]
    return {
        "role": turn["role"],
        "content": content if parts is None else "".join(part["text"] for part in parts if part["type"] == "text"),
        "content_parts": None
        if parts is None
        else [_PARTS[part["type"]](part) for part in parts if part["type"] in _PARTS],
        "refusal": turn.get("refusal"),
        **{name: turn[name] for name in _BESIDE if name in turn},
        **({"tool_calls": calls} if calls else {}),
    }


def _text(part: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": part["text"]}


def _picture(part: Mapping[str, Any]) -> dict[str, Any]:
    address = part["image_url"]
    image = {"url": address} if isinstance(address, str) else address
    return {"type": "image_url", "image_url": {name: image[name] for name in ("url", "detail") if image.get(name)}}


_PARTS = {"text": _text, "image_url": _picture}  # OpenAI shows no others

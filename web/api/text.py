"""From checked bodies to what text requests have in common: how to choose tokens, and a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from schemas import content
from schemas.constraints import rules
from tasks.values.job import RenderOptions
from tasks.values.requests import Constraint, Media, Message, Sampling, Tool, ToolCall

MODEL_TYPES = frozenset({"lm", "multimodal", "fake"})


def sampling(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `Sampling` that a body sets."""
    given = {name: data[name] for name in Sampling.__struct_fields__ if name in data}
    constraint = next((Constraint(*rule) for rule in rules(data)), None)
    return {**given, "logit_bias": tuple(data.get("logit_bias", {}).items()), "constraint": constraint}


def conversation(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `ChatRequest` and `RenderRequest` that say what the model reads."""
    turns = data["messages"]
    effort = {"reasoning_effort": data["reasoning_effort"]} if "reasoning_effort" in data else {}
    return {
        "messages": tuple(_message(index, turn) for index, turn in enumerate(turns)),
        "prefill": turns[-1]["role"] == "assistant" and turns[-1].get("partial", not turns[-1].get("tool_calls")),
        "template_options": {**effort, **data.get("chat_template_kwargs", {})},
        "tools": tuple(Tool(**tool["function"]) for tool in data.get("tools", [])),
    }


def _message(index: int, turn: Mapping[str, Any]) -> Message:
    text, media = _content(index, turn.get("content", ""))
    return Message(
        "system" if turn["role"] == "developer" else turn["role"],
        text,
        turn.get("name"),
        tuple(ToolCall(call["id"], **call["function"]) for call in turn.get("tool_calls", [])),
        turn.get("tool_call_id"),
        turn.get("reasoning_content", turn.get("reasoning", "")),
        media,
    )


def _content(turn: int, shown: str | content.Parts) -> tuple[str, tuple[Media, ...]]:
    """A turn's text, and what it shows at which places of that."""
    if isinstance(shown, str):
        return shown, ()
    text, media = "", []
    for index, part in enumerate(shown):
        if isinstance(part, str):
            text += part
        else:
            kind = _kind(part.source.type) if part.kind == "file" else part.kind
            media.append(Media(kind, part.source, len(text), f"messages[{turn}].content[{index}]", part.max_pixels))
    return text, tuple(media)


def _kind(media_type: str) -> Literal["image", "audio", "video"]:
    """What a file holds by its media type; one that says nothing is opened as a picture."""
    if media_type.startswith("audio/"):
        return "audio"
    return "video" if media_type.startswith("video/") else "image"


def options(data: Mapping[str, Any]) -> RenderOptions:
    """What rendering needs to know of a body that may be streamed."""
    return RenderOptions(include_usage=bool(data.get("stream_options", {}).get("include_usage")))

"""From checked bodies to what text requests have in common: how to choose tokens, and a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.constraints import rules
from tasks.requests import Constraint, Message, Sampling, Tool, ToolCall

MODEL_TYPES = frozenset({"lm", "fake"})


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
        "messages": tuple(_message(turn) for turn in turns),
        "prefill": turns[-1]["role"] == "assistant" and turns[-1].get("partial", not turns[-1].get("tool_calls")),
        "template_options": {**effort, **data.get("chat_template_kwargs", {})},
        "tools": tuple(Tool(**tool["function"]) for tool in data.get("tools", [])),
    }


def _message(turn: Mapping[str, Any]) -> Message:
    return Message(
        "system" if turn["role"] == "developer" else turn["role"],
        turn.get("content", ""),
        turn.get("name"),
        tuple(ToolCall(call["id"], **call["function"]) for call in turn.get("tool_calls", [])),
        turn.get("tool_call_id"),
        turn.get("reasoning_content", turn.get("reasoning", "")),
    )


def options(data: Mapping[str, Any]) -> dict[str, Any]:
    """What rendering needs to know of a body that may be streamed."""
    return {"include_usage": True} if data.get("stream_options", {}).get("include_usage") else {}

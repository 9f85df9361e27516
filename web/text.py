"""From checked bodies to what text requests have in common: how to choose tokens, and a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.requests import Message, Sampling

MODEL_TYPES = frozenset({"lm", "fake"})


def sampling(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `Sampling` that a body sets."""
    given = {name: data[name] for name in Sampling.__struct_fields__ if name in data}
    return {**given, "logit_bias": tuple(data.get("logit_bias", {}).items())}


def conversation(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `ChatRequest` and `RenderRequest` that say what the model reads."""
    turns = data["messages"]
    effort = {"reasoning_effort": data["reasoning_effort"]} if "reasoning_effort" in data else {}
    return {
        "messages": tuple(
            Message("system" if turn["role"] == "developer" else turn["role"], turn["content"], turn.get("name"))
            for turn in turns
        ),
        "prefill": turns[-1]["role"] == "assistant" and turns[-1].get("partial", True),
        "template_options": {**effort, **data.get("chat_template_kwargs", {})},
    }


def options(data: Mapping[str, Any]) -> dict[str, Any]:
    """What rendering needs to know of a body that may be streamed."""
    return {"include_usage": True} if data.get("stream_options", {}).get("include_usage") else {}

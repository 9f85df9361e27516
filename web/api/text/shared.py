"""From checked bodies to what text requests have in common: how to choose tokens, and a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from schemas.text import content
from schemas.text.constraints import rules
from schemas.text.thinking import wish
from tasks.values.job import RenderOptions
from tasks.values.messages import Media, Message, ToolCall
from tasks.values.requests import Constraint, Sampling, Tool

MODEL_TYPES = frozenset({"lm", "multimodal", "fake"})
INPUT = "input"  # the only argument of a custom tool, as the model sees it
_ROLES: Mapping[str, Any] = {"developer": "system", "function": "tool"}
_KINDS: tuple[Literal["image", "audio", "video"], ...] = ("image", "audio", "video")
_SYNTAXES = {"regex": "regular expression", "grammar": "Lark grammar"}


def sampling(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `Sampling` that a body sets."""
    given = {name: data[name] for name in Sampling.__struct_fields__ if name in data}
    constraint = next((Constraint(*rule) for rule in rules(data)), None)
    return {
        **given,
        "logit_bias": tuple(data.get("logit_bias", {}).items()),
        "constraint": constraint,
        "count_tokens": bool(data.get("stream_options", {}).get("continuous_usage_stats")),
    }


def conversation(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `ChatRequest` and `RenderRequest` that say what the model reads."""
    turns, asked = data["messages"], wish(data)
    thinking = {"reasoning_effort": asked.effort, "enable_thinking": asked.enabled}
    return {
        "messages": tuple(message(index, turn) for index, turn in enumerate(turns)),
        "prefill": _begun(data),
        "template_options": {
            **{name: value for name, value in thinking.items() if value is not None},
            **data.get("chat_template_kwargs", {}),
        },
        "tools": tuple(_tool(index, tool) for index, tool in enumerate(data.get("tools", []))),
        "generation_prompt": data.get("add_generation_prompt", True),
    }


def _begun(data: Mapping[str, Any]) -> bool:
    """Whether the last message is the beginning of the answer."""
    last = data["messages"][-1]
    if last["role"] != "assistant":
        return False
    usual = not last.get("tool_calls") and not data.get("add_generation_prompt")
    return bool(last.get("partial", data.get("continue_final_message", usual)))


def _tool(index: int, tool: Mapping[str, Any]) -> Tool:
    if tool["type"] == "function":
        return Tool(**tool["function"])
    custom = tool["custom"]
    return custom_tool(
        custom, custom.get("format", {}).get("grammar"), f"tools[{index}].custom.format.grammar.definition"
    )


def custom_tool(custom: Mapping[str, Any], grammar: Mapping[str, Any] | None, param: str) -> Tool:
    """A tool that takes a text, which may have to obey a grammar; `param` is where that stands."""
    text: dict[str, Any] = {"type": "string"}
    form = None
    if grammar is not None:
        definition = grammar["definition"]
        form = Constraint("regex" if grammar["syntax"] == "regex" else "grammar", definition, param)
        text["description"] = f"It has to match, as a {_SYNTAXES[form.kind]}:\n{definition}"
    schema = {"type": "object", "properties": {INPUT: text}, "required": [INPUT], "additionalProperties": False}
    return Tool(custom["name"], custom.get("description", ""), schema, form=form)


def message(index: int, turn: Mapping[str, Any]) -> Message:
    """A turn of a checked body, the one in this place."""
    text, media = _content(index, turn.get("content") or turn.get("refusal", ""))
    return Message(
        _ROLES.get(turn["role"], turn["role"]),
        text,
        turn.get("name"),
        tuple(map(_call, turn.get("tool_calls", []))),
        turn.get("tool_call_id"),
        turn.get("reasoning_content", ""),
        media,
    )


def _call(call: Mapping[str, Any]) -> ToolCall:
    if "function" in call:
        return ToolCall(call["id"], **call["function"])
    custom = call["custom"]
    return ToolCall(call["id"], custom["name"], msgspec.json.encode({INPUT: custom["input"]}).decode())


def _content(turn: int, shown: str | content.Parts) -> tuple[str, tuple[Media, ...]]:
    """A turn's text, and what it shows at which places of that."""
    if isinstance(shown, str):
        return shown, ()
    text, media = "", []
    for index, part in enumerate(shown):
        if isinstance(part, str):
            text += part
        else:
            media.append(medium(part, len(text), part.param or f"messages[{turn}].content[{index}]"))
    return text, tuple(media)


def medium(part: content.Media, at: int, param: str) -> Media:
    """A part that is not a text, behind the first `at` characters; `param` is the request's field that holds it."""
    kind = _kind(part.source.type) if part.kind == "file" else part.kind
    return Media(kind, part.source, at, param, part.max_pixels, part.title if kind == "file" else "")


def _kind(media_type: str) -> Literal["image", "audio", "video", "file"]:
    """What a file holds by its media type; into others the worker looks."""
    for kind in _KINDS:
        if media_type.startswith(f"{kind}/"):
            return kind
    return "file"


def options(data: Mapping[str, Any]) -> RenderOptions:
    """What rendering needs to know of a body that may be streamed, and of tools that are not functions."""
    return RenderOptions(
        include_usage=bool(data.get("stream_options", {}).get("include_usage")),
        custom_tools=tuple(tool["custom"]["name"] for tool in data.get("tools", []) if tool["type"] == "custom"),
        function_call=bool(data.get("functions")),
    )

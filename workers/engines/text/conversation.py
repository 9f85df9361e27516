"""Conversations in the form that a model's chat template takes, tools and calls included."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tasks.values.requests import Message, Tool
from workers.parsers.registry import ToolFormat

_DEEPEST = 64  # levels of arguments; the readers of answers and of JSON schemas take less or little more
_PREAMBLE = """You can call functions. Each line between <tools> and </tools> is one, with its parameters' JSON schema:
<tools>
{tools}
</tools>
To call a function, answer with its name and its arguments, and with nothing else, in exactly this form:
{example}"""


def length(messages: Sequence[Message]) -> int:
    """Characters of what is said, thought and called in a conversation."""
    said = sum(len(message.content) + len(message.reasoning) for message in messages)
    return said + sum(len(call.arguments) for message in messages for call in message.calls)


def functions(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Tools as templates take them, which is as OpenAI writes them."""
    return [{"type": "function", "function": _function(tool)} for tool in tools]


def native(messages: Sequence[Message], *, objects: bool) -> list[dict[str, Any]]:
    """Turns for a template that knows calls; `objects` are arguments that it wants to take apart itself."""
    names = {call.id: call.name for message in messages for call in message.calls}
    return [_native(message, names, objects) for message in messages]


def plain(messages: Sequence[Message], tools: Sequence[Tool], written: ToolFormat) -> list[dict[str, Any]]:
    """Turns for a template that knows nothing of tools: they are told in words, and past calls are text."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "tool":
            told = f"<tool_response>\n{message.content}\n</tool_response>"
            if turns and turns[-1].get("told"):
                turns[-1]["content"] += "\n" + told
            else:
                turns.append({"role": "user", "content": told, "told": True})
        else:
            turns.append(_plain(message, written))
    for turn in turns:
        turn.pop("told", None)
    if not tools:
        return turns
    preamble = _PREAMBLE.format(
        tools="\n".join(json.dumps(_function(tool)) for tool in tools),
        example=written.write([("FUNCTION", {"PARAMETER": "VALUE"})]),
    )
    if turns and turns[0]["role"] == "system":
        return [{**turns[0], "content": f"{turns[0]['content']}\n\n{preamble}"}, *turns[1:]]
    return [{"role": "system", "content": preamble}, *turns]


def _function(tool: Tool) -> dict[str, Any]:
    described = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **described, "parameters": tool.parameters or {"type": "object", "properties": {}}}


def _native(message: Message, names: Mapping[str, str], objects: bool) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.media:
        turn["media"] = message.media
    if message.reasoning:
        turn["reasoning_content"] = message.reasoning
    if message.calls:
        turn["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": _object(call.arguments) if objects else call.arguments},
            }
            for call in message.calls
        ]
    name = message.name or names.get(message.call_id or "")
    if name:
        turn["name"] = name
    if message.call_id is not None:
        turn["tool_call_id"] = message.call_id
    return turn


def _plain(message: Message, written: ToolFormat) -> dict[str, Any]:
    content = message.content
    if message.calls:
        calls = [
            (call.name, found if isinstance(found := _object(call.arguments), dict) else {}) for call in message.calls
        ]
        content = "\n".join(text for text in (content, written.write(calls)) if text)
    more = {"name": message.name, "media": message.media}
    return {"role": message.role, "content": content} | {name: value for name, value in more.items() if value}


def _object(arguments: str) -> Any:
    """Arguments as an object; JSON that is broken, or too deep to be written again, stays the text that it is."""
    try:
        found = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return arguments
    return found if _shallow(found) else arguments


def _shallow(value: Any) -> bool:
    """Whether a value nests no deeper than templates and formats can follow."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return True
    return False


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()

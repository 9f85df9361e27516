"""Conversations in the form that a model's chat template takes, tools and calls included."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from tasks.values.messages import Message, ToolCall
from tasks.values.requests import Tool
from workers.engines.text.template import TemplateSupport, Turn
from workers.parsers.registry import ToolFormat

_DEEPEST = 64  # levels of arguments; the readers of answers and of JSON schemas take less or little more
_SHORT_ID = re.compile(r"[A-Za-z0-9]{9}")
_PREAMBLE = """You can call functions. Each line between <tools> and </tools> is one, with its parameters' JSON schema:
<tools>
{tools}
</tools>
To call a function, answer with its name and its arguments, and with nothing else, in exactly this form:
{example}"""
_RESULT = "<tool_response>\n{}\n</tool_response>"


def length(messages: Sequence[Message]) -> int:
    """Characters of what is said, thought and called in a conversation."""
    characters = sum(len(message.content) + len(message.reasoning) for message in messages)
    return characters + sum(len(call.arguments) for message in messages for call in message.calls)


def functions(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Tools as templates take them, which is as OpenAI writes them."""
    return [{"type": "function", "function": _function(tool)} for tool in tools]


def native(messages: Sequence[Message], support: TemplateSupport, written: ToolFormat) -> list[Turn]:
    """Turns for a template that is shown tools; what it does not show of past calls is text as `written`."""
    names = {call.id: call.name for message in messages for call in message.calls}
    turns: list[Turn] = []
    for message in _in_a_row(messages, support):
        if message.calls and not support.calls:
            turns.append(_plain(message, written))
        elif message.role == "tool" and not support.results:
            _add_result(turns, message)
        else:
            turns += _native(message, names, support)
    return _finished(turns, support)


def plain(
    messages: Sequence[Message], tools: Sequence[Tool], support: TemplateSupport, written: ToolFormat
) -> list[Turn]:
    """Turns for a template that knows nothing of tools: they are described in words, and past calls are text."""
    turns: list[Turn] = []
    for message in messages:
        if message.role == "tool":
            _add_result(turns, message)
        else:
            turns.append(_plain(message, written))
    if tools:
        preamble = _PREAMBLE.format(
            tools="\n".join(json.dumps(_function(tool)) for tool in tools),
            example=written.write([("FUNCTION", {"PARAMETER": "VALUE"})]),
        )
        if turns and turns[0]["role"] == "system":
            turns[0]["content"] = f"{turns[0]['content']}\n\n{preamble}"
        else:
            turns.insert(0, {"role": "system", "content": preamble})
    return _finished(turns, support)


def _function(tool: Tool) -> dict[str, Any]:
    parameters = tool.parameters or {"type": "object", "properties": {}}
    return {"name": tool.name, "description": tool.description, "parameters": parameters}


def _in_a_row(messages: Sequence[Message], support: TemplateSupport) -> Iterator[Message]:
    """The messages, several calls of one as so many turns with their results where the template takes one at a time."""
    rest = list(messages)
    while rest:
        message = rest.pop(0)
        if len(message.calls) < 2 or support.parallel or not support.calls:
            yield message
            continue
        results: list[Message] = []
        while rest and rest[0].role == "tool":
            results.append(rest.pop(0))
        for at, call in enumerate(message.calls):
            first = message if at == 0 else Message("assistant", "")
            yield msgspec.structs.replace(first, calls=(call,))
            own = [result for result in results if result.call_id == call.id]
            results = [result for result in results if result.call_id != call.id]
            yield from own
        yield from results


def _native(message: Message, names: Mapping[str, str], support: TemplateSupport) -> list[Turn]:
    turn: Turn = {"role": message.role, "content": message.content}
    if message.media:
        turn["media"] = message.media
    reasoning = message.reasoning
    before: list[Turn] = []
    if message.calls:
        if message.content and not support.beside:
            before = [{"role": message.role, "content": message.content}]
            turn["content"] = ""
        elif message.content and reasoning and not support.both:
            reasoning, turn["content"] = f"{reasoning}\n\n{message.content}", ""
        turn["tool_calls"] = [_called(call, support) for call in message.calls]
    if reasoning:
        turn.update(dict.fromkeys(support.thoughts, reasoning))
    name = message.name or names.get(message.call_id or "")
    if name:
        turn["name"] = name
    if message.call_id is not None:
        turn["tool_call_id"] = _id(message.call_id, support)
    return [*before, turn]


def _called(call: ToolCall, support: TemplateSupport) -> dict[str, Any]:
    arguments = _object(call.arguments) if support.objects else _text(call.arguments)
    return {
        "id": _id(call.id, support),
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _id(id: str, support: TemplateSupport) -> str:
    """A call's id as the template takes it: as the model wrote it, or the same other one every time."""
    return sha256(id.encode()).hexdigest()[:9] if support.short_ids and not _SHORT_ID.fullmatch(id) else id


def _plain(message: Message, written: ToolFormat) -> Turn:
    content = message.content
    if message.calls:
        calls = written.write([(call.name, _object(call.arguments)) for call in message.calls])
        content = "\n".join(text for text in (content, calls) if text)
    more = {"name": message.name, "media": message.media}
    return {"role": message.role, "content": content} | {name: value for name, value in more.items() if value}


def _add_result(turns: list[Turn], message: Message) -> None:
    """What a tool gave, as a user's turn; several in a row are one turn."""
    result = _RESULT.format(message.content)
    if turns and turns[-1].get("results"):
        turns[-1]["content"] += "\n" + result
    else:
        turns.append({"role": "user", "content": result, "results": True})


def _finished(turns: Sequence[Turn], support: TemplateSupport) -> list[Turn]:
    """The turns without our notes in them, and what the system says in the user's turns where there is no other way."""
    finished: list[Turn] = []
    waiting: list[str] = []
    for turn in turns:
        turn.pop("results", None)
        if turn["role"] == "system" and not support.system:
            waiting.append(turn["content"])
            continue
        if waiting and turn["role"] == "user":
            before = "".join(f"{text}\n\n" for text in waiting)
            waiting.clear()
            turn["content"] = before + turn["content"]
            if media := turn.get("media"):
                moved = (msgspec.structs.replace(one, at=one.at + len(before)) for one in media)
                turn["media"] = tuple(moved)
        elif waiting:
            finished.append({"role": "user", "content": "\n\n".join(waiting)})
            waiting.clear()
        finished.append(turn)
    if waiting:
        finished.append({"role": "user", "content": "\n\n".join(waiting)})
    return finished


def _object(arguments: str) -> dict[str, Any]:
    """Arguments as an object; what is not one, or is too deep to be written again, is an empty one."""
    try:
        decoded = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) and _shallow(decoded) else {}


def _text(arguments: str) -> str:
    """Arguments as a text that stands where an object is expected."""
    return arguments.strip() or "{}"


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

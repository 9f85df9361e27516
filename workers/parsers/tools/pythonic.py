"""Pythonic: Python calls, in a list (Llama 3.2, bare), or between markers (Llama 4, LFM2, OLMo 3)."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers import literals
from workers.parsers.cursor import NAME, Broken, Cursor, Waiting
from workers.parsers.json_calls import closing
from workers.parsers.parser_events import Part, Value
from workers.parsers.reading import Reading, Within
from workers.parsers.typed import Object, optional, ordered

_MARKERS = {
    "<|python_start|>": "<|python_end|>",
    "<|tool_call_start|>": "<|tool_call_end|>",
    "<function_calls>": "</function_calls>",
}

NAMES = ("pythonic", "llama4_pythonic", "llama3_pythonic", "lfm2", "olmo3")
RANK = 1
MARKERS = ("[", *_MARKERS)
OBJECTS = True
BEFORE, BETWEEN, AFTER = "[", ", ", "]"


def recognises(template: str) -> bool:
    """Whether a chat template asks for a list of Python calls."""
    words = (
        "<|tool_call_start|>",
        "<|tool_list_start|>",
        "<|python_start|>",
        "[func_name1(",
        "<function_calls>",
        "List of tools: [",
    )
    return any(word in template for word in words)


def parser(tools: Mapping[str, Mapping[str, Any]]) -> Reading:
    """A parser of this format."""
    return Reading(tuple(_MARKERS), lambda cursor, opener: _read(cursor, opener, tools), ("[",), within=Within.TEXT)


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    written = (
        name + "(" + ", ".join(f"{key}={_python(given)}" for key, given in arguments.items()) + ")"
        for name, arguments in calls
    )
    return BEFORE + BETWEEN.join(written) + AFTER if calls else ""


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[Part]:
    """How a call of this function is written; values as JSON, which is read as well."""
    parts: list[Part] = [name + "("]
    for at, (key, inner, required) in enumerate(ordered(schema)):
        parts += optional(required, ((", " if at else "") + key + "=", Value(inner)))
    return (*parts, ")")


def _python(given: Any) -> str:
    """A value as Python writes it."""
    if isinstance(given, Mapping):
        return "{" + ", ".join(f"{key!r}: {_python(entry)}" for key, entry in given.items()) + "}"
    if isinstance(given, list | tuple):
        return "[" + ", ".join(map(_python, given)) + "]"
    return repr(given)


def _read(cursor: Cursor, opener: str, tools: Mapping[str, Mapping[str, Any]]) -> Waiting[None]:
    close = _MARKERS.get(opener, "")
    yield from cursor.space()
    if not close:
        yield from cursor.must("[")
        listed = True
    else:  # between markers a list needs no brackets
        listed = (yield from cursor.comes("[")) is not None
    while True:
        yield from cursor.space()
        yield from _call(cursor, tools)
        yield from cursor.space()
        if listed:
            if (yield from cursor.must(",", "]")) == "]":
                break
        else:
            yield from cursor.comes(",", ";")
            yield from cursor.space()
            if cursor.at_end or (yield from cursor.sees(close)):
                break
    cursor.told()
    yield from closing(cursor, close)


def _call(cursor: Cursor, tools: Mapping[str, Mapping[str, Any]]) -> Waiting[None]:
    call = Object(cursor, (yield from cursor.run(NAME)), tools)
    yield from cursor.must("(")
    while True:
        yield from cursor.space()
        while (yield from cursor.comes(",")):  # also where an argument is left out
            yield from cursor.space()
        if (yield from cursor.comes(")")):
            call.end()
            return
        key = yield from cursor.run(NAME)
        yield from cursor.space()
        yield from cursor.must("=")
        before = [call.key(key)]  # with the first of the value, so that `[f(x=y)]` in prose stays text

        def tell(text: str, before: list[str] = before) -> None:
            call.begin()
            cursor.arguments((before.pop() if before else "") + text)

        yield from literals.value(cursor, tell, literals.PYTHON)
        yield from cursor.space()
        if (yield from cursor.sees(",", ")")) is None:
            raise Broken

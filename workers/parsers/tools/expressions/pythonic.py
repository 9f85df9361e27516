"""Pythonic: Python calls, in a list (Llama 3.2, bare), or between markers (Llama 4, LFM2, OLMo 3)."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers import literals
from workers.parsers.cursor import Cursor
from workers.parsers.grammar_parts import GrammarPart, Value
from workers.parsers.layouts import optional, ordered
from workers.parsers.marker_parser import MarkerParser, Within
from workers.parsers.scanner import NAME, Incremental, ParseError
from workers.parsers.syntaxes.json_calls import closing
from workers.parsers.typed import ArgumentsWriter

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


def parser(tools: Mapping[str, Mapping[str, Any]]) -> MarkerParser:
    """A parser of this format."""
    return MarkerParser(
        tuple(_MARKERS), lambda cursor, opener: _read(cursor, opener, tools), ("[",), within=Within.TEXT
    )


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    written = (
        name + "(" + ", ".join(f"{key}={_python(given)}" for key, given in arguments.items()) + ")"
        for name, arguments in calls
    )
    return BEFORE + BETWEEN.join(written) + AFTER if calls else ""


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
    """How a call of this function is written; values as JSON, which is read as well."""
    parts: list[GrammarPart] = [name + "("]
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


def _read(cursor: Cursor, opener: str, tools: Mapping[str, Mapping[str, Any]]) -> Incremental[None]:
    close = _MARKERS.get(opener, "")
    yield from cursor.skip_space()
    if not close:
        yield from cursor.expect("[")
        listed = True
    else:  # between markers a list needs no brackets
        listed = (yield from cursor.accept("[")) is not None
    while True:
        yield from cursor.skip_space()
        yield from _call(cursor, tools)
        yield from cursor.skip_space()
        if listed:
            if (yield from cursor.expect(",", "]")) == "]":
                break
        else:
            yield from cursor.accept(",", ";")
            yield from cursor.skip_space()
            if cursor.at_end or (yield from cursor.looking_at(close)):
                break
    cursor.commit()
    yield from closing(cursor, close)


def _call(cursor: Cursor, tools: Mapping[str, Mapping[str, Any]]) -> Incremental[None]:
    call = ArgumentsWriter(cursor, (yield from cursor.match(NAME)), tools)
    yield from cursor.expect("(")
    while True:
        yield from cursor.skip_space()
        while (yield from cursor.accept(",")):  # also where an argument is left out
            yield from cursor.skip_space()
        if (yield from cursor.accept(")")):
            call.end()
            return
        key = yield from cursor.match(NAME)
        yield from cursor.skip_space()
        yield from cursor.expect("=")
        before = [call.key(key)]  # with the first of the value, so that `[f(x=y)]` in prose stays text

        def emit(text: str, before: list[str] = before) -> None:
            call.begin()
            cursor.arguments((before.pop() if before else "") + text)

        yield from literals.value(cursor, emit, literals.PYTHON)
        yield from cursor.skip_space()
        if (yield from cursor.looking_at(",", ")")) is None:
            raise ParseError

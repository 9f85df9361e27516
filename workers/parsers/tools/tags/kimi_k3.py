"""Kimi K3: call elements in a section of tools, with an element for each argument, or one of JSON for all."""

import re
from collections.abc import Mapping, Sequence
from html import escape, unescape
from typing import Any

from workers.parsers.cursor import Cursor
from workers.parsers.grammar_parts import Either, GrammarPart, Value
from workers.parsers.layouts import bare, optional, ordered
from workers.parsers.marker_parser import MarkerParser
from workers.parsers.scanner import Incremental, ParseError
from workers.parsers.schema_types import ALL, types
from workers.parsers.syntaxes.json_calls import closing, named
from workers.parsers.syntaxes.markup import value
from workers.parsers.typed import ArgumentsWriter, PropertyWriter, fill

_SEP, _OPEN, _CALL = "<|sep|>", "<|open|>tools<|sep|>", "<|open|>call "
_CLOSE, _CALL_CLOSE = "<|close|>tools<|sep|>", "<|close|>call<|sep|>"
_ARGUMENT, _ARGUMENT_CLOSE = "<|open|>argument ", "<|close|>argument<|sep|>"
_JSON, _JSON_CLOSE = "<|open|>json", "<|close|>json<|sep|>"
_DROPPED = ("<|open|>response<|sep|>", "<|close|>response<|sep|>", "<|close|>message<|sep|>")
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
_STRING = frozenset(("string",))
_KINDS = {bool: "boolean", int: "number", float: "number", str: "string", dict: "object", list: "array"}

NAMES = ("kimi_k3",)
RANK = 1
MARKERS = (_OPEN, _CALL)
OBJECTS = True
BEFORE, BETWEEN, AFTER = _OPEN, "", _CLOSE


def recognises(template: str) -> bool:
    """Whether a chat template has Kimi's tags."""
    return "<|open|>" in template and _SEP in template


def parser(tools: Mapping[str, Mapping[str, Any]]) -> MarkerParser:
    """A parser of this format."""
    return MarkerParser((*MARKERS, *_DROPPED), lambda cursor, opener: _read(cursor, opener, tools))


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them, counted from 1."""
    written = (
        f'{_CALL}tool="{escape(name)}" index="{at}"{_SEP}'
        + "".join(
            _key(key, _KINDS.get(type(given), "null")) + value(given) + _ARGUMENT_CLOSE
            for key, given in arguments.items()
        )
        + _CALL_CLOSE
        for at, (name, arguments) in enumerate(calls, 1)
    )
    return BEFORE + BETWEEN.join(written) + AFTER if calls else ""


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
    """How a call of this function is written."""
    number = Value({"type": "integer", "minimum": 1, "maximum": 99})
    parts: list[GrammarPart] = [f'{_CALL}tool="{escape(name)}" index="', number, f'"{_SEP}']
    for key, inner, required in ordered(schema):
        kinds = sorted(types(inner, inner))
        kind: Sequence[GrammarPart] = ("string",) if "string" in kinds else (Either(kinds),)
        before, after = _key(key, "\0").split("\0")
        parts += optional(required, (before, *kind, after, *bare(inner, _ARGUMENT_CLOSE)))
    return (*parts, _CALL_CLOSE)


def _key(key: str, kind: str) -> str:
    return f'{_ARGUMENT}key="{escape(key)}" type="{kind}"{_SEP}'


def _attributes(cursor: Cursor) -> Incremental[dict[str, str]]:
    """Read the rest of a tag."""
    text = yield from cursor.name_before(_SEP)
    return {name: unescape(given) for name, given in _ATTRIBUTE.findall(text)}


def _read(cursor: Cursor, opener: str, tools: Mapping[str, Mapping[str, Any]]) -> Incremental[None]:
    if opener in _DROPPED:
        return
    if opener == _OPEN:
        yield from cursor.skip_space()
        yield from cursor.expect(_CALL)
    while True:
        yield from _call(cursor, tools)
        yield from cursor.skip_space()
        if not (yield from cursor.accept(_CALL)):
            break
    yield from closing(cursor, _CLOSE)


def _call(cursor: Cursor, tools: Mapping[str, Mapping[str, Any]]) -> Incremental[None]:
    name = (yield from _attributes(cursor)).get("tool", "")
    if not name:
        raise ParseError
    yield from cursor.skip_space()
    if (yield from cursor.accept(_JSON)):
        yield from cursor.name_before(_SEP)
        yield from named(cursor, name, "", _JSON_CLOSE)
        yield from closing(cursor, _JSON_CLOSE)
        yield from closing(cursor, _CALL_CLOSE)
        return
    call = ArgumentsWriter(cursor, name, tools)
    while True:
        yield from cursor.skip_space()
        here = yield from cursor.looking_at(_ARGUMENT, _CALL_CLOSE, _CLOSE, _CALL)
        if here is None:
            raise ParseError
        if here != _ARGUMENT:
            yield from cursor.accept(_CALL_CLOSE)  # models forget it
            call.end()
            return
        call.begin()
        yield from cursor.expect(_ARGUMENT)
        given = yield from _attributes(cursor)
        if not given.get("key"):
            raise ParseError
        allowed = call.allowed(given["key"])
        if given.get("type") == "string":
            allowed = _STRING if "string" in allowed else allowed
        elif "type" in given:
            allowed = ALL - _STRING
        writer = PropertyWriter(cursor, call.key(given["key"]), allowed)
        yield from fill(cursor, writer, _ARGUMENT_CLOSE, others=(_ARGUMENT, _CALL_CLOSE, _CLOSE))

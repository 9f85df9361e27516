"""MiniMax M3: elements in a name space of its own, named as the properties are, and nested as values are."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from workers.parsers import json_text
from workers.parsers.cursor import Cursor
from workers.parsers.grammar_parts import GrammarPart, Value
from workers.parsers.layouts import optional, ordered, string
from workers.parsers.marker_parser import MarkerParser
from workers.parsers.scanner import NAME, Incremental, ParseError
from workers.parsers.schema_types import types
from workers.parsers.syntaxes.json_calls import closing
from workers.parsers.syntaxes.markup import value
from workers.parsers.typed import ArgumentsWriter, fill, typed

_SPACE = "]<]minimax[>["
_OPEN, _CLOSE = f"{_SPACE}<tool_call>", f"{_SPACE}</tool_call>"
_CALL, _CALL_CLOSE = f"{_SPACE}<invoke", f"{_SPACE}</invoke>"
_STRING = frozenset(("string",))
_DEEPEST = 64

NAMES = ("minimax_m3",)
RANK = 1
MARKERS = (_OPEN, _CALL)
OBJECTS = True
BEFORE, BETWEEN, AFTER = f"{_OPEN}\n", "\n", f"\n{_CLOSE}"


def recognises(template: str) -> bool:
    """Whether a chat template has this name space."""
    return "]<]minimax[>[" in template


def parser(tools: Mapping[str, Mapping[str, Any]]) -> MarkerParser:
    """A parser of this format."""
    return MarkerParser(MARKERS, lambda cursor, opener: _read(cursor, opener, tools))


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model may write them: objects and lists as JSON, which keeps the types of what is in them."""
    written = (_head(name) + _children(arguments) + _CALL_CLOSE for name, arguments in calls)
    return BEFORE + BETWEEN.join(written) + AFTER if calls else ""


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
    """How a call of this function is written; objects and lists as JSON, which is read as well."""
    parts: list[GrammarPart] = [_head(name)]
    for key, inner, required in ordered(schema):
        end = f"{_SPACE}</{key}>"
        one = string(inner, end) if "string" in types(inner, inner) else (Value(inner), end)
        parts += optional(required, (f"{_SPACE}<{key}>", *one))
    return (*parts, _CALL_CLOSE)


def _head(name: str) -> str:
    return f'{_CALL} name="{name}">'


def _children(given: Mapping[str, Any]) -> str:
    return "".join(f"{_SPACE}<{key}>{value(entry)}{_SPACE}</{key}>" for key, entry in given.items())


def _read(cursor: Cursor, opener: str, tools: Mapping[str, Mapping[str, Any]]) -> Incremental[None]:
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
    yield from cursor.skip_space()
    yield from cursor.expect("name")
    yield from cursor.skip_space()
    yield from cursor.expect("=")
    yield from cursor.accept('"', "'")
    name = yield from cursor.match(NAME)
    yield from cursor.accept('"', "'")
    yield from cursor.expect(">")
    call = ArgumentsWriter(cursor, name, tools)
    while True:
        yield from cursor.skip_space()
        if (yield from cursor.looking_at(_CALL_CLOSE, _CLOSE, _CALL, _OPEN)):
            yield from cursor.accept(_CALL_CLOSE)  # models forget it
            call.end()
            return
        yield from cursor.expect(_SPACE + "<")
        key = yield from cursor.name_before(">")
        if not key or key.startswith("/"):
            raise ParseError
        call.begin()
        if call.allowed(key) == _STRING:
            end = f"{_SPACE}</{key}>"
            is_end = partial(_ends_string, cursor, call, end)
            yield from fill(cursor, call.property(key), others=(_SPACE,), is_end=is_end)
            yield from cursor.accept(end)
        else:
            element = yield from _element(cursor, key, call.schema(key), call.root, 0)
            cursor.arguments(call.key(key) + json_text.written(element))


def _ends_string(cursor: Cursor, call: ArgumentsWriter, end: str, marker: str) -> Incremental[bool]:
    """Whether a string ends here: by its tag, or without one as the call ends or its next property begins."""
    if (yield from cursor.looking_at(end, _CALL_CLOSE, _CLOSE, _CALL)):
        return True
    yield from cursor.expect(f"{marker}<")
    return call.awaits((yield from cursor.name_before(">")))


def _element(cursor: Cursor, tag: str, schema: Any, root: Any, depth: int) -> Incremental[Any]:
    """Read an element's content and the tag that ends it, which may be missing, and give its value."""
    if depth > _DEEPEST:
        raise ParseError
    text, children = "", list[tuple[str, Any]]()
    allowed = types(schema, root)
    while True:
        part, marker = yield from cursor.until(_SPACE)
        text += part
        if marker is None:
            continue
        cursor.put_back(_SPACE)
        if (yield from cursor.accept(f"{_SPACE}</{tag}>")):
            break
        closes = yield from cursor.looking_at(f"{_SPACE}</", _CALL)
        if closes or not allowed & {"object", "array"}:  # a tag was forgotten
            break
        yield from cursor.expect(f"{_SPACE}<")
        child = yield from cursor.name_before(">")
        inner = _inner(schema, child, "array" in allowed and "object" not in allowed)
        children.append((child, (yield from _element(cursor, child, inner, root, depth + 1))))
    if children and text.strip():
        children.append(("$text", text.strip()))
    if not children:
        return json.loads(typed(text.strip(), allowed))
    if allowed == {"array"} or ("array" in allowed and all(child == "item" for child, _ in children)):
        return [entry for _, entry in children]
    return _object(children)


def _inner(schema: Any, child: str, item: bool) -> Any:
    """The schema of what an element of this schema holds."""
    if not isinstance(schema, Mapping):
        return None
    if item or child == "item":
        return schema.get("items")
    properties, others = schema.get("properties"), schema.get("additionalProperties")
    named = properties.get(child) if isinstance(properties, Mapping) else None
    return named if named is not None else others if isinstance(others, Mapping) else None


def _object(children: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object of named values; those of one name are a list."""
    entries_by_name: dict[str, list[Any]] = {}
    for key, entry in children:
        entries_by_name.setdefault(key, []).append(entry)
    return {key: entries[0] if len(entries) == 1 else entries for key, entries in entries_by_name.items()}

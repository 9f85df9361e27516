"""How the cases are written down, the tools they call, and the situations that every format has to master."""

from __future__ import annotations

from typing import Any, NamedTuple

TOOLS: dict[str, dict[str, Any]] = {
    "get_weather": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
    "note": {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "meta": {"$ref": "#/$defs/Meta"},
            "pinned": {"type": "boolean"},
            "score": {"type": "number"},
            "title": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "kind": {"enum": ["1", "2"]},
            "either": {"type": ["string", "integer"]},
        },
        "required": ["text"],
        "$defs": {"Meta": {"type": "object", "properties": {"n": {"type": "integer"}}}},
    },
    "list_all": {"type": "object", "properties": {}},
    "files.read-all_v2": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
}

WEATHER = ("get_weather", {"city": "Paris", "days": 3})
NOTE = ("note", {"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": True})
LIST = ("list_all", {})
FILE = ("files.read-all_v2", {"path": "a/b.txt"})


class UnfinishedCall(NamedTuple):
    """A call that was never finished: the pieces of its arguments that came."""

    name: str
    arguments: str


class Case(NamedTuple):
    """A text, the answer in it, and its calls: a name and arguments, and the id where the format has one."""

    text: str
    content: str
    calls: tuple[Any, ...] = ()
    tools: dict[str, dict[str, Any]] = TOOLS


def case(text: str, content: str, *calls: Any, tools: dict[str, dict[str, Any]] = TOOLS) -> Case:
    """A case with any number of calls."""
    return Case(text, content, calls, tools)


def situations(
    weather: str, note: str, both: str, nothing: str, dotted: str, *, line: str = "", ids: tuple[str, ...] = ("", "")
) -> list[Case]:
    """Where calls may stand: `both` are two calls in one answer, `line` has to come before a call in prose."""
    first, second = ((*call, given) if given else call for call, given in zip((WEATHER, NOTE), ids, strict=True))
    alone = (*NOTE, ids[0]) if ids[0] else NOTE
    empty = (*LIST, ids[0]) if ids[0] else LIST
    named = (*FILE, ids[0]) if ids[0] else FILE
    return [
        case("", ""),
        case("Just an answer, 1 < 2 > 0.\n\n", "Just an answer, 1 < 2 > 0.\n\n"),
        case(weather, "", first),
        case(note, "", alone),
        case(nothing, "", empty),
        case(dotted, "", named),
        case("Let me look.\n" + weather, "Let me look.\n", first),
        case("  \n" + weather, "  \n", first),
        case(weather + "\nThat was all.", "\nThat was all.", first),
        case(f"Before {line}{weather} after", f"Before {line} after", first),
        case(both, "", first, second),
        case("Two of them:\n" + both + "\n", "Two of them:\n\n", first, second),
        case(weather, "", first, tools={}),
        case(weather + " <", " <", first),
        case(f"<tool {line}{weather}", f"<tool {line}", first),
    ]


def list_cases(open: str, close: str) -> list[Case]:
    """A JSON list of calls between two markers."""

    def call(*calls: str) -> str:
        return f"{open}[{', '.join(calls)}]{close}"

    weather = '{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}'
    note = '{"name": "note", "arguments": {"text": "123", "tags": ["a", "b"], "meta": {"n": 1}, "pinned": true}}'
    nothing = '{"name": "list_all", "arguments": {}}'
    dotted = '{"name": "files.read-all_v2", "arguments": {"path": "a/b.txt"}}'
    in_text = '"{\\"city\\": \\"Paris\\", \\"days\\": 3}"'
    prose = '[{"name": "f", "arguments": {x}}]'
    return [
        *situations(call(weather), call(note), call(weather, note), call(nothing), call(dotted)),
        case(open + weather + close, "", WEATHER),
        case(open + weather + "\n" + nothing + close, "", WEATHER, LIST),
        case(call(weather).removesuffix(close), "", WEATHER),
        case(call(weather.replace("}}", '}, "id": "0"}')), "", WEATHER),
        case(call(weather.replace('{"city": "Paris", "days": 3}', in_text)), "", WEATHER),
        case(call(), f"{open}[]{close}"),
        case(f"{open}[{{}}]{close}", f"{open}[{{}}]{close}"),
        case(open + prose + close, open + prose + close),
        case(open + '[{"name": "f", "arguments": {"a": "' + close, "", UnfinishedCall("f", '{"a": "' + close)),
    ]

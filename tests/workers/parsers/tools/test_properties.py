"""What holds for every format and any text: nothing raises, nothing is lost, and a written call is read again."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support.rounds import rounds
from tests.workers.parsers.tools.outcome import FORMATS, outcome
from workers.parsers.grammar_parts import Either, Free, GrammarPart, Maybe, Value

EXAMPLES = rounds(10, 1000)  # of each format
MARKERS = sorted({marker for form in FORMATS.values() for marker in form.MARKERS})
FRAGMENTS = [
    *MARKERS,
    *(form.write([("get_weather", {"city": "Paris", "days": 3})]) for form in FORMATS.values()),
    *'{}[]()<>",:;=|\\ \n',
    *(
        "name",
        '"name": ',
        '"arguments": {',
        '"f"',
        "f",
        "functions.f:0",
        "<arg_key>a</arg_key>",
        "<arg_value>",
        "a=1",
        "null",
        "   nul",
    ),
    *("<arg_key>c</arg_key>", "<parameter=c>", "</arg_value>", 'string="true">', '<parameter name="c">', "</invoke>"),
    *(
        "</tool_call>",
        "</parameter>",
        "<parameter=a>",
        "</function>",
        "call:f{",
        "<escape>",
        '<|"|>',
        "[ARGS]",
        "\\u12",
    ),
    *(
        "<|tool_call_argument_begin|>",
        "<|message|>",
        "to=functions.f",
        "<|end|>",
        "<｜tool▁sep｜>",
        "```json\n",
        "1",
        "é",
    ),
]
TOOLS = {
    "f": {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "object"}, "c": {"type": ["string", "null"]}},
    }
}

# What a model may write anywhere: but no format can carry its own end mark in a string that is written as it is.
FOREIGN = st.sampled_from(
    [
        "<tool_call>",
        "[TOOL_CALLS]",
        "<|python_tag|>",
        "<|tool_call_end|>",
        "```",
        "'",
        '"',
        "\\",
        "\n",
        "{",
        "}",
        "<",
        "é",
        "😀",
    ]
)
STRINGS = st.lists(st.one_of(FOREIGN, st.text(max_size=6)), max_size=5).map("".join)
KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_\-]{0,8}", fullmatch=True)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}([.\-][A-Za-z0-9_]{1,6}){0,2}", fullmatch=True)
INTEGERS = st.integers(-(10**12), 10**12)
VALUES: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), INTEGERS, st.floats(allow_nan=False, allow_infinity=False), STRINGS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(KEYS, VALUES, max_size=4)
CALLS = st.tuples(NAMES, ARGUMENTS)
ALL = pytest.mark.parametrize("name", FORMATS)
OWN = {
    "functiongemma": ("<escape>",),
    "gemma4": ('<|"|>',),
    "qwen3_coder": ("</parameter>",),
    "minimax_m2": ("</parameter>",),
    "deepseek_v32": ("</｜DSML｜parameter>",),
    "glm4_moe": ("</arg_value>",),
    "glm47": ("</arg_value>",),
    "longcat_flash_lite": ("</longcat_arg_value>",),
}
FRAMED = ("cohere", "solar_open", "harmony", "kimi_k3")  # the answer itself stands between markers
FRAME = re.compile(r"<\|\w+\|>")
BARE = ("llama3_json", "pythonic", "xlam")


def schema_of(arguments: dict[str, Any]) -> dict[str, Any]:
    """A schema that these arguments are of."""
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    properties = {key: {"type": kinds.get(type(value), "null")} for key, value in arguments.items()}
    return {"type": "object", "properties": properties, "required": list(arguments)}


def randomly(text: str, chance: random.Random) -> list[str]:
    """The text in chunks."""
    chunks = []
    while text:
        length = chance.randint(1, 9)
        chunks.append(text[:length])
        text = text[length:]
    return chunks


def writable(name: str, arguments: dict[str, Any]) -> bool:
    """Whether no string holds the mark that ends strings of this form."""
    text = json.dumps(arguments, ensure_ascii=False).replace('\\"', '"')
    return not any(mark in text for mark in OWN.get(name, ()))


@ALL
@settings(max_examples=EXAMPLES)
@given(parts=st.lists(st.sampled_from(FRAGMENTS), max_size=14), chance=st.randoms(use_true_random=False))
def test_no_text_makes_it_raise_and_no_cut_changes_what_comes_out(
    name: str, parts: list[str], chance: random.Random
) -> None:
    text = "".join(parts)
    whole = outcome(FORMATS[name], [text], TOOLS)
    assert outcome(FORMATS[name], list(text), TOOLS) == whole
    assert outcome(FORMATS[name], randomly(text, chance), TOOLS) == whole
    rest = iter(text)
    assert all(char in rest for char in whole.content), "nothing is said that was not there, and in its order"
    assert whole.calls or name in FRAMED or whole.content == text


@ALL
@settings(max_examples=EXAMPLES)
@given(text=st.text(alphabet=st.one_of(st.sampled_from("<|>[{}]:=to al\n"), st.characters(codec="utf-8")), max_size=60))
def test_text_without_calls_comes_out_to_its_last_character(name: str, text: str) -> None:
    assume(name not in FRAMED or not FRAME.search(text))  # Hypothesis knows the markers: they stand in our sources
    content, calls = outcome(FORMATS[name], list(text), TOOLS)
    assume(not calls)
    assert content == text


@ALL
@settings(max_examples=EXAMPLES)
@given(call=CALLS, data=st.data())
def test_a_call_that_breaks_off_is_told_or_text(
    name: str, call: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    assume(writable(name, call[1]))
    written = FORMATS[name].write([call])
    text = written[: data.draw(st.integers(0, len(written)))]
    content, calls = outcome(FORMATS[name], list(text), {call[0]: schema_of(call[1])})
    if not calls:
        assert content == text or name in FRAMED
    elif calls[0].complete:
        assert json.loads(calls[0].arguments) == call[1]
    assert text.endswith(content)
    assert len(calls) < 2


@ALL
@settings(max_examples=EXAMPLES)
@given(calls=st.lists(CALLS, min_size=1, max_size=3), before=st.booleans(), chance=st.randoms(use_true_random=False))
def test_written_calls_are_read_again(
    name: str, calls: list[tuple[str, dict[str, Any]]], before: bool, chance: random.Random
) -> None:
    assume(all(writable(name, arguments) for _, arguments in calls))
    assume(len({called for called, _ in calls}) == len(calls))  # each has a schema of its own
    form = FORMATS[name]
    tools = {called: schema_of(arguments) for called, arguments in calls}
    line = "\n" if name in BARE else ""
    start, end = ("Well, a < b.\n", "\nThat's it.") if before else ("Now" + line, " then")
    text = start + form.write(calls) + end
    for chunks in ([text], list(text), randomly(text, chance)):
        content, calls_read = outcome(form, chunks, tools)
        assert [(call.name, json.loads(call.arguments)) for call in calls_read] == calls
        assert all(call.complete for call in calls_read)
        assert content == start + end


def filled(parts: list[GrammarPart] | tuple[GrammarPart, ...], schema: dict[str, Any], values: list[Any]) -> str:
    """A text that a grammar of these parts allows, with these values for the properties in the grammar's order."""
    text = ""
    for part in parts:
        match part:
            case str():
                text += part
            case Maybe(inner):
                text += filled(list(inner), schema, values)
            case Value(given) if given == schema:
                text += json.dumps(dict(zip(schema["properties"], values, strict=True)))
            case Value({"maximum": _}):
                text += "0"
            case Value({"pattern": _}):
                text += '"0"'
            case Value():
                text += json.dumps(values.pop(0))
            case Either(texts):
                text += texts[0]
            case Free(end):
                text += values.pop(0) + end
    return text


LAYOUT = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "place": {"$ref": "#/$defs/Place"},
        "days": {"type": "integer"},
        "kind": {"const": "x"},
    },
    "required": ["city", "place"],
    "$defs": {"Place": {"type": "object", "properties": {"n": {"type": "integer"}}}},
}


@ALL
def test_what_the_layout_allows_is_a_call_with_those_arguments(name: str) -> None:
    form = FORMATS[name]
    wanted = {"city": 'a "b"\n c', "place": {"n": 1}, "days": 3, "kind": "x"}
    parts = form.layout("get-it.now", LAYOUT)
    constant = sum(
        isinstance(part, Maybe) and not any(isinstance(inner, Value | Free) for inner in part.parts) for part in parts
    )
    values = list(wanted.values())
    one = filled(parts, LAYOUT, values[: len(values) - constant])
    two = filled(parts, LAYOUT, values[: len(values) - constant])
    text = form.BEFORE + one + form.BETWEEN + two + form.AFTER
    content, calls = outcome(form, list(text), {"get-it.now": LAYOUT})
    assert content == ""
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [("get-it.now", wanted)] * 2


@ALL
def test_a_layout_leaves_out_what_is_optional_and_carries_definitions(name: str) -> None:
    form = FORMATS[name]
    parts = [part for part in form.layout("f", LAYOUT) if not isinstance(part, Maybe)]
    schemas = [part.schema for part in parts if isinstance(part, Value)]
    assert any(isinstance(schema, dict) and "$defs" in schema for schema in schemas)
    if not any(schema == LAYOUT for schema in schemas):
        text = form.BEFORE + filled(parts, LAYOUT, ["x", {"n": 2}]) + form.AFTER
        _, (call,) = outcome(form, [text], {"f": LAYOUT})
        assert json.loads(call.arguments) == {"city": "x", "place": {"n": 2}}


@ALL
def test_write_is_what_the_constants_and_the_layout_say(name: str) -> None:
    form = FORMATS[name]
    assert form.write([]) == ""
    text = form.write([("f", {}), ("g", {})])
    assert text.startswith(form.BEFORE)
    assert text.endswith(form.AFTER)
    assert any(marker.strip() in text for marker in form.MARKERS)


@ALL
def test_a_tool_without_parameters_is_called_with_an_object(name: str) -> None:
    form = FORMATS[name]
    parts = form.layout("f", {})
    assert all(part.schema != {} for part in parts if isinstance(part, Value))
    text = form.BEFORE + filled(parts, {"type": "object"} | {"properties": {}}, [{}]) + form.AFTER
    _, (call,) = outcome(form, [text], {"f": {}})
    assert (call.name, call.arguments, call.complete) == ("f", "{}", True)

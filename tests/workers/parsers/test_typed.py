"""Values written bare are typed by the schema of the tool."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workers.parsers.grammar_parts import Either, Free, GrammarPart
from workers.parsers.layouts import ordered, string
from workers.parsers.schema_types import ALL, types
from workers.parsers.typed import typed


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        ({"type": "string"}, {"string"}),
        ({"type": ["string", "null"]}, {"string", "null"}),
        ({"type": "str"}, {"string"}),
        ({"type": "dict"}, {"object"}),
        ({"type": "decimal"}, ALL),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, {"integer", "null"}),
        ({"oneOf": [{"type": "integer"}, {"$ref": "#/$defs/Name"}]}, {"integer", "string"}),
        ({"allOf": [{"type": ["integer", "string"]}, {"type": "string"}]}, {"string"}),
        ({"enum": ["a", 1, None]}, {"string", "integer", "null"}),
        ({"const": True}, {"boolean"}),
        ({"$ref": "#/$defs/Name"}, {"string"}),
        ({"$ref": "#/$defs/Loop"}, ALL),
        ({"$ref": "#/$defs/Nobody"}, ALL),
        ({"properties": {}}, {"object"}),
        ({"description": "anything"}, ALL),
        ({"type": 5}, ALL),
        (True, ALL),
        (None, ALL),
        ([], ALL),
    ],
)
def test_the_types_that_a_schema_allows(schema: Any, wanted: set[str]) -> None:
    root = {"$defs": {"Name": {"type": "string"}, "Loop": {"$ref": "#/$defs/Loop"}}}
    assert types(schema, root) == wanted


@pytest.mark.parametrize(
    ("text", "allowed", "wanted"),
    [
        ("123", {"string"}, "123"),
        ("123", {"integer"}, 123),
        ("123", {"number"}, 123),
        ("123.0", {"integer"}, 123),
        ("123.5", {"integer"}, "123.5"),
        (" 123 ", {"integer"}, 123),
        ("123", {"string", "integer"}, 123),
        ("123", {"string", "null"}, "123"),
        ("null", {"string", "null"}, None),
        ("None", {"string", "null"}, None),
        ("null", {"string"}, "null"),
        ("TRUE", {"boolean"}, True),
        ("true", {"string", "boolean"}, True),
        ("yes", {"boolean"}, "yes"),
        ('{"a": [1]}', {"object"}, {"a": [1]}),
        ("{'a': (1, None)}", {"object"}, {"a": [1, None]}),
        ("{'a': open('x')}", {"object"}, "{'a': open('x')}"),
        ('"{\\"a\\": 1}"', {"object"}, {"a": 1}),
        ('"5"', {"integer"}, 5),
        ('"5"', ALL, '"5"'),
        ("5", ALL, 5),
        ("[1, 2]", ALL, [1, 2]),
        ("[1, 2", ALL, "[1, 2"),
        ("", ALL, ""),
        ("", {"integer"}, ""),
        ("1e400", ALL, float("inf")),
        ("NaN", {"number"}, "NaN"),
        ("[" * 5000, ALL, "[" * 5000),
    ],
)
def test_a_value_becomes_what_its_types_want(text: str, allowed: set[str], wanted: Any) -> None:
    assert repr(json.loads(typed(text, frozenset(allowed)))) == repr(wanted)


def test_a_number_too_long_for_python_stays_as_it_stands() -> None:
    assert typed("9" * 10_000, ALL) == "9" * 10_000


@pytest.mark.parametrize(
    "schema", [{}, {"properties": None}, {"properties": {"a": 1}, "required": "a"}, {"required": []}]
)
def test_an_odd_schema_has_the_properties_that_it_has(schema: Any) -> None:
    assert ordered(schema) in ([], [("a", True, False)])


@pytest.mark.parametrize(
    ("schema", "part"),
    [
        ({"type": "string"}, Free("|")),
        ({"type": "string", "const": "a"}, Either(["a"])),
        ({"enum": ["a", "b"]}, Either(["a", "b"])),
        ({"type": "string", "minLength": 1, "maxLength": 4}, Free("|", 1, 4)),
        ({"type": "string", "pattern": "^a+$"}, Free("|", pattern="(?:a+)")),
        ({"type": "string", "pattern": "a"}, Free("|", pattern="(?s:.*)(?:a)(?s:.*)")),
        ({"type": "string", "pattern": "^a\\$"}, Free("|", pattern="(?:a\\$)(?s:.*)")),
    ],
)
def test_a_string_without_quotes_keeps_to_its_schema(schema: dict[str, Any], part: GrammarPart) -> None:
    assert string(schema, "|")[0] == part


class Counted(dict[str, Any]):
    """A schema that counts how often it is looked at."""

    looks = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.looks += 1
        return super().get(key, default)


@pytest.mark.parametrize("key", ["anyOf", "oneOf", "allOf"])
def test_a_schema_that_refers_to_itself_is_looked_at_once(key: str) -> None:
    schema = Counted({key: [{"$ref": "#"} for _ in range(200)]})
    assert types(schema, schema) == ALL
    assert schema.looks < 10


def test_definitions_that_refer_to_each_other_are_looked_at_once_each() -> None:
    definitions = {str(at): {"anyOf": [{"$ref": f"#/$defs/{at + 1}"}] * 50} for at in range(6)}
    root = Counted({"$defs": {**definitions, "6": {"type": "string"}}, "$ref": "#/$defs/0"})
    assert types(root, root) == {"string"}
    assert root.looks < 2000

"""What an answer must look like, in every spelling, and one of them at a time."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from schemas.fields import Body
from schemas.text.chat import ChatSchema
from schemas.text.completions import CompletionsSchema
from schemas.text.constraints import MAX_SOURCE, Rule, rules
from tests.schemas.bodies import CHAT, TEXT, refused

SCHEMA = {"type": "object", "properties": {"b": {"type": "integer"}, "a": {"const": "é"}}}
SOURCE = '{"type":"object","properties":{"b":{"type":"integer"},"a":{"const":"é"}}}'
ANY = '{"type":"object"}'
LONG = "a" * (MAX_SOURCE + 1)
DEEP = msgspec.json.decode('{"a":' * 40 + "1" + "}" * 40)
BOTH = pytest.mark.parametrize(("schema", "least"), [(ChatSchema, CHAT), (CompletionsSchema, TEXT)])


def json_schema(**held: Any) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": held}}


def structured(**held: Any) -> dict[str, Any]:
    return {"structured_outputs": held}


@BOTH
@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"response_format": {"type": "json_object"}}, Rule("json_schema", ANY, "response_format")),
        (json_schema(name="n", schema=SCHEMA), Rule("json_schema", SOURCE, "response_format.json_schema.schema")),
        (
            json_schema(name="n", schema={}, strict=True, description="d"),
            Rule("json_schema", "{}", "response_format.json_schema.schema"),
        ),
        (
            {"response_format": {"type": "json_object", "schema": SCHEMA}},
            Rule("json_schema", SOURCE, "response_format.schema"),
        ),
        (
            {"response_format": {"type": "json_schema", "schema": SCHEMA}},
            Rule("json_schema", SOURCE, "response_format.schema"),
        ),
        ({"response_format": {"type": "json_object", "schema": None}}, Rule("json_schema", ANY, "response_format")),
        ({"guided_json": SCHEMA}, Rule("json_schema", SOURCE, "guided_json")),
        ({"guided_json": msgspec.json.format(SOURCE)}, Rule("json_schema", SOURCE, "guided_json")),
        ({"guided_regex": r"\d+"}, Rule("regex", r"\d+", "guided_regex")),
        ({"guided_choice": ["yes", "né"]}, Rule("choice", '["yes","né"]', "guided_choice")),
        ({"guided_grammar": 'start: "a"'}, Rule("grammar", 'start: "a"', "guided_grammar")),
        (structured(json=SCHEMA), Rule("json_schema", SOURCE, "structured_outputs.json")),
        (structured(json=SOURCE), Rule("json_schema", SOURCE, "structured_outputs.json")),
        (structured(json_object=True), Rule("json_schema", ANY, "structured_outputs.json_object")),
        (structured(regex="a"), Rule("regex", "a", "structured_outputs.regex")),
        (structured(choice=["a"]), Rule("choice", '["a"]', "structured_outputs.choice")),
        (
            structured(grammar="start: A", disable_fallback=True, disable_any_whitespace=False, json=None),
            Rule("grammar", "start: A", "structured_outputs.grammar"),
        ),
        ({"guided_regex": "a" * MAX_SOURCE}, Rule("regex", "a" * MAX_SOURCE, "guided_regex")),
    ],
)
def test_one_constraint(schema: type[Body], least: dict[str, Any], more: dict[str, Any], rule: Rule) -> None:
    for plain in ({}, {"response_format": {"type": "text"}}):
        assert list(rules(schema().load({**least, **plain, **more}))) == [rule]


@BOTH
@pytest.mark.parametrize(
    "more", [{}, {"response_format": {"type": "text"}}, structured(), structured(json_object=False)]
)
def test_no_constraint(schema: type[Body], least: dict[str, Any], more: dict[str, Any]) -> None:
    assert list(rules(schema().load({**least, **more}))) == []


@BOTH
@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"response_format": "json_object"}, "response_format"),
        ({"response_format": {}}, "response_format"),
        ({"response_format": {"type": "grammar", "grammar": "a"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json_object", "schema": []}}, "response_format.schema"),
        (
            {"response_format": {"type": "json_schema", "schema": {}, "json_schema": {"schema": {}}}},
            "response_format.schema",
        ),
        (json_schema(name="n"), "response_format.json_schema.schema"),
        (json_schema(name="n", schema=[]), "response_format.json_schema.schema"),
        (json_schema(name="n", schema="{}"), "response_format.json_schema.schema"),
        (json_schema(name="n", schema=DEEP), "response_format.json_schema.schema"),
        (json_schema(name="n", schema={"const": LONG}), "response_format.json_schema.schema"),
        ({"guided_json": "{"}, "guided_json"),
        ({"guided_json": "[]"}, "guided_json"),
        ({"guided_json": "[" * 100_000}, "guided_json"),
        ({"guided_json": "[" * 60_000}, "guided_json"),
        ({"guided_json": True}, "guided_json"),
        ({"guided_regex": ""}, "guided_regex"),
        ({"guided_regex": LONG}, "guided_regex"),
        ({"guided_regex": ["a"]}, "guided_regex"),
        ({"guided_choice": []}, "guided_choice"),
        ({"guided_choice": "a"}, "guided_choice"),
        ({"guided_choice": ["a", ""]}, "guided_choice[1]"),
        ({"guided_choice": [1]}, "guided_choice[0]"),
        ({"guided_choice": ["a"] * 1025}, "guided_choice"),
        ({"guided_choice": [LONG]}, "guided_choice"),
        ({"guided_grammar": ""}, "guided_grammar"),
        ({"guided_grammar": {}}, "guided_grammar"),
        (structured(regex=""), "structured_outputs.regex"),
        (structured(json=[]), "structured_outputs.json"),
        (structured(choice=[""]), "structured_outputs.choice[0]"),
        (structured(json_object=1), "structured_outputs.json_object"),
        ({"structured_outputs": "a"}, "structured_outputs"),
        ({"response_format": {"type": "json_object"}, "guided_regex": "a"}, "guided_regex"),
        ({**json_schema(name="n", schema={}), "guided_json": {}}, "guided_json"),
        ({"guided_grammar": "a", "guided_choice": ["a"]}, "guided_grammar"),
        ({"guided_json": {}, **structured(json={})}, "structured_outputs.json"),
        (structured(regex="a", choice=["a"]), "structured_outputs.choice"),
    ],
)
def test_what_is_no_constraint_or_one_too_many(
    schema: type[Body], least: dict[str, Any], more: dict[str, Any], param: str
) -> None:
    assert refused(schema, {**least, **more}) == ("invalid_value", param)


@BOTH
@pytest.mark.parametrize("name", ["structural_tag", "whitespace_pattern", "disable_any_whitespace"])
def test_what_is_not_built_is_refused_by_name(schema: type[Body], least: dict[str, Any], name: str) -> None:
    found = refused(schema, {**least, **structured(regex="a", **{name: "x"})})
    assert found == ("unsupported_parameter", f"structured_outputs.{name}")


TOOLS = {"tools": [{"type": "function", "function": {"name": "look"}}]}


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "look"}}])
def test_an_answer_that_has_to_be_a_call_has_no_other_form(choice: Any) -> None:
    body = {**CHAT, **TOOLS, "tool_choice": choice}
    assert ChatSchema().load({**body, "response_format": {"type": "text"}})
    assert refused(ChatSchema, {**body, "guided_regex": "a"}) == ("invalid_value", "guided_regex")
    assert refused(ChatSchema, {**body, **json_schema(schema={})})[1] == "response_format.json_schema.schema"


@pytest.mark.parametrize("choice", ["auto", "none"])
def test_an_answer_that_may_be_a_call_can_have_a_form(choice: str) -> None:
    assert ChatSchema().load({**CHAT, **TOOLS, "tool_choice": choice, "guided_regex": "a"})

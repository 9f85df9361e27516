"""The body of a response: what is honoured, and what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.fields import loaded
from schemas.responses.responses import CompactSchema, InputTokensSchema, ResponsesSchema, rules
from schemas.responses.tools import callable_tools
from schemas.text.tools import Choice
from tests.schemas.bodies import refused

LEAST = {"model": "m", "input": "hi"}
LOOK = {"type": "function", "name": "look", "parameters": {"type": "object"}}
WRITE = {"type": "custom", "name": "write"}
TOOLS = [LOOK, WRITE]
SHOP = {"type": "namespace", "name": "shop", "description": "A shop.", "tools": TOOLS}
OFFLINE = {"type": "web_search", "external_web_access": False}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("none", Choice("none")),
        ("required", Choice("required")),
        ({"type": "function", "name": "look"}, Choice("required", "look")),
        ({"type": "custom", "name": "write"}, Choice("required", "write", kind="custom")),
        ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "custom", "name": "write"}]},
         Choice("required", None, ("write",))),
    ],
)  # fmt: skip
def test_a_choice_of_tools(choice: Any, expected: Choice) -> None:
    assert loaded(ResponsesSchema, {**LEAST, "tools": TOOLS, "tool_choice": choice})["tool_choice"] == expected


@pytest.mark.parametrize(
    ("form", "source"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, '{"type":"object"}'),
        ({"type": "json_schema", "name": "a", "schema": {"b": 1, "a": 2}, "strict": True}, '{"b":1,"a":2}'),
    ],
)
def test_what_the_text_must_look_like(form: dict[str, Any], source: str | None) -> None:
    found = [rule.source for rule in rules(loaded(ResponsesSchema, {**LEAST, "text": {"format": form}}))]
    assert found == ([] if source is None else [source])


@pytest.mark.parametrize("tool", ["web_search", "web_search_preview", "file_search", "code_interpreter", "mcp",
                                  "computer_use_preview", "image_generation", "local_shell", "shell", "apply_patch",
                                  "tool_search"])  # fmt: skip
def test_hosted_tools_are_refused_by_name(tool: str) -> None:
    assert refused(ResponsesSchema, {**LEAST, "tools": [LOOK, {"type": tool}]}) == ("invalid_value", "tools[1].type")


def test_the_tools_of_a_namespace_are_called_by_both_names() -> None:
    data = loaded(ResponsesSchema, {**LEAST, "tools": [LOOK, SHOP, OFFLINE], "tool_choice": {
        "type": "function", "name": "shop.look"}})  # fmt: skip
    found = list(callable_tools(data["tools"]))
    assert [(one.name, one.namespace, one.param) for one in found] == [
        ("look", None, "tools[0]"),
        ("shop.look", "shop", "tools[1].tools[0]"),
        ("shop.write", "shop", "tools[1].tools[1]"),
    ]
    assert [one.tool.get("description", "") for one in found] == ["", "A shop.", ""]


def test_a_search_of_the_web_that_may_not_reach_it_is_no_tool() -> None:
    data = loaded(ResponsesSchema, {**LEAST, "tools": [{**OFFLINE, "search_context_size": "low"}]})
    assert not list(callable_tools(data["tools"]))
    for access in ({}, {"external_web_access": True}, {"external_web_access": None}):
        wrong = {**LEAST, "tools": [{"type": "web_search", **access}]}
        assert refused(ResponsesSchema, wrong) == ("invalid_value", "tools[0].type")


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [LOOK, {**WRITE, "name": "look"}]}, "tools[1].name"),
        ({"tools": [OFFLINE], "tool_choice": "required"}, "tool_choice"),
        ({"tools": [SHOP, {**LOOK, "name": "shop.look"}]}, "tools[1].name"),
        ({"tools": [SHOP, SHOP]}, "tools[1].tools[0].name"),
        ({"tools": [{**SHOP, "tools": []}]}, "tools[0].tools"),
        ({"tools": [{**SHOP, "tools": [SHOP]}]}, "tools[0].tools[0].type"),
        ({"tools": [{**SHOP, "tools": [{**LOOK, "parameters": 5}]}]}, "tools[0].tools[0].parameters"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "name": "x"}}, "tool_choice.name"),
        ({"tools": TOOLS, "tool_choice": {"type": "hosted"}}, "tool_choice.type"),
        ({"tools": TOOLS, "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [
            {"type": "function", "name": "x"}]}}, "tool_choice.tools[0].name"),
        ({"tools": TOOLS, "tool_choice": "required", "text": {"format": {"type": "json_object"}}}, "text.format"),
        ({"tools": [{**LOOK, "parameters": {"type": "string"}}]}, "tools[0].parameters"),
        ({"tools": [{**LOOK, "defer_loading": True}]}, "tools[0].defer_loading"),
        ({"text": {"format": {"type": "json_schema", "name": "a"}}}, "text.format.schema"),
        ({"text": {"verbosity": "huge"}}, "text.verbosity"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"reasoning": {"summary": "long"}}, "reasoning.summary"),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
        ({"background": True, "store": False}, "background"),
        ({"stream_options": {}}, "stream_options"),
        ({"include": ["other"]}, "include[0]"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"service_tier": "priority"}, "service_tier"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"truncation": "some"}, "truncation"),
        ({"max_output_tokens": 2, "min_tokens": 3}, "min_tokens"),
        ({"max_output_token": 2}, "max_output_token"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named(more: dict[str, Any], param: str) -> None:
    assert refused(ResponsesSchema, {**LEAST, **more})[1] == param


@pytest.mark.parametrize("schema", [ResponsesSchema, InputTokensSchema])
def test_a_response_is_to_something(schema: Any) -> None:
    assert refused(schema, {"model": "m"}) == ("invalid_value", "input")
    for more in ({"instructions": "Say hello."}, {"previous_response_id": "resp_1"}):
        assert loaded(schema, {"model": "m", **more})


def test_compacting_takes_an_input() -> None:
    assert loaded(CompactSchema, LEAST)["input"][0]["content"] == "hi"

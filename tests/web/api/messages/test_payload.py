"""What a conversation of Anthropic's API asks of a model."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.messages.count_tokens import MessagesCountTokensSchema
from schemas.messages.messages import MessagesSchema
from tasks.values.messages import Media, Message, ToolCall
from tasks.values.requests import ChatRequest, Constraint, Tool, ToolChoice
from tests.schemas.messages.test_messages import LEAST, LOOK
from web.api.messages import count_tokens, messages, turns


def asked(**more: Any) -> ChatRequest:
    return messages.payload(MessagesSchema().load({**LEAST, **more}))


def talk(*turns_: tuple[str, Any]) -> tuple[Message, ...]:
    return asked(messages=[{"role": role, "content": content} for role, content in turns_]).messages


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


def result(id: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id, "content": content, **more}


def use(id: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": "look", "input": {"a": 1}}


CALL_1, CALL_2 = (ToolCall(call, "look", '{"a":1}') for call in ("1", "2"))


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ([("user", "hi")], [Message("user", "hi")]),
        ([("user", [text("a"), text("b")])], [Message("user", "a\n\nb")]),
        ([("user", "a"), ("user", [text("b")])], [Message("user", "a\n\nb")]),
        ([("user", [])], [Message("user", "")]),
        (
            [("user", "a"), ("system", "b"), ("user", "c")],
            [Message("user", "a"), Message("system", "b"), Message("user", "c")],
        ),
        (
            [("user", "a"), ("assistant", [{"type": "thinking", "thinking": "hm"}, text("b"), use("1"), use("2")])],
            [Message("user", "a"), Message("assistant", "b", calls=(CALL_1, CALL_2), reasoning="hm")],
        ),
        (
            [("assistant", [{"type": "redacted_thinking", "data": "x"}, text("b")]), ("assistant", "c"), ("user", "d")],
            [Message("assistant", "b\n\nc"), Message("user", "d")],
        ),
        (
            [("user", [result("1", "x"), result("2", [text("y"), text("z")]), text("and?")])],
            [Message("tool", "x", call_id="1"), Message("tool", "y\n\nz", call_id="2"), Message("user", "and?")],
        ),
        ([("user", [result("1", "x")])], [Message("tool", "x", call_id="1")]),
        ([("user", [result("1", "x", is_error=True)])], [Message("tool", "Error: x", call_id="1")]),
        (  # results come first, wherever they stand
            [("user", [text("and?"), result("1", "x")])],
            [Message("tool", "x", call_id="1"), Message("user", "and?")],
        ),
    ],
)
def test_turns_become_messages(said: list[tuple[str, Any]], found: list[Message]) -> None:
    assert list(talk(*said)) == found


def test_what_is_shown_keeps_its_place_also_where_a_call_gave_it() -> None:
    body = {
        **LEAST,
        "messages": [
            {"role": "user", "content": [text("a"), _image("url"), text("b")]},
            {"role": "assistant", "content": [use("1")]},
            {"role": "user", "content": [result("1", [text("c"), _image("url")]), text("d")]},
        ],
    }
    data = MessagesSchema().load(body)
    assert list(turns.messages(data["messages"])) == [
        Message("user", "ab", media=(Media("image", "https://a.example/b", 1, "messages[0].content[1]"),)),  # type: ignore[arg-type]
        Message("assistant", "", calls=(CALL_1,)),
        Message("tool", "c", call_id="1"),
        Message(
            "user",
            "d",
            media=(Media("image", "https://a.example/b", 0, "messages[2].content[0].content[1]"),),  # type: ignore[arg-type]
        ),
    ]


def _image(field: str) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "url", field: "https://a.example/b"}}


def test_the_system_comes_first() -> None:
    assert asked(system=[text("a"), text("b")]).messages[0] == Message("system", "a\n\nb")
    assert asked(system="").messages == (Message("user", "hi"),)


@pytest.mark.parametrize(
    ("last", "prefill"),
    [("user", False), ("assistant", True)],
)
def test_a_last_turn_of_the_assistant_is_the_beginning_of_the_answer(last: str, prefill: bool) -> None:
    assert asked(messages=[*LEAST["messages"], {"role": last, "content": "Well,"}]).prefill is prefill


def test_one_that_calls_is_not() -> None:
    assert not asked(messages=[*LEAST["messages"], {"role": "assistant", "content": [use("1")]}]).prefill


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        ({"type": "auto"}, ToolChoice()),
        ({"type": "auto", "disable_parallel_tool_use": True}, ToolChoice(parallel=False)),
        ({"type": "any"}, ToolChoice("required")),
        ({"type": "tool", "name": "look", "disable_parallel_tool_use": True}, ToolChoice("required", "look", False)),
        ({"type": "none"}, ToolChoice("none")),
    ],
)
def test_a_choice_of_tools(choice: dict[str, Any], found: ToolChoice) -> None:
    request = asked(tools=[{**LOOK, "description": "d", "strict": True}], tool_choice=choice)
    assert request.tool_choice == found
    assert request.tools == (Tool("look", "d", LOOK["input_schema"], True),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("thinking", "enabled", "budget"),
    [
        (None, False, 0),
        ({"type": "disabled"}, False, 0),
        ({"type": "enabled", "budget_tokens": 2048}, True, 2048),
        ({"type": "adaptive"}, True, None),
    ],
)
def test_a_model_thinks_where_that_is_asked_for_and_nowhere_else(
    thinking: dict[str, Any] | None, enabled: bool, budget: int | None
) -> None:
    request = asked(thinking=thinking)
    assert (request.template_options["enable_thinking"], request.thinking_budget) == (enabled, budget)


def test_what_is_sampled_and_how_it_must_look() -> None:
    schema = {"type": "object", "properties": {"a": {}}}
    request = asked(
        temperature=0.5,
        top_p=0.9,
        top_k=7,
        stop_sequences=["x"],
        output_config={"effort": "low", "format": {"type": "json_schema", "schema": schema}},
    )
    assert (request.max_tokens, request.temperature, request.top_p, request.top_k, request.stop) == (
        5,
        0.5,
        0.9,
        7,
        ("x",),
    )
    source = '{"type":"object","properties":{"a":{}}}'
    assert request.constraint == Constraint("json_schema", source, "output_config.format.schema")
    assert request.template_options["reasoning_effort"] == "low"
    older = asked(output_format={"type": "json_schema", "schema": schema})
    assert older.constraint == Constraint("json_schema", source, "output_format.schema")


@pytest.mark.parametrize("more", [{}, {"tools": [LOOK]}, {"tools": [LOOK], "system": "s"}])
def test_what_is_counted_is_what_would_be_read(more: dict[str, Any]) -> None:
    body = {"model": "m", "messages": LEAST["messages"], **more}
    counted = count_tokens.payload(MessagesCountTokensSchema().load(body))
    request = asked(**more)
    for name in ("messages", "prefill", "template_options", "tools", "generation_prompt"):
        assert getattr(counted, name) == getattr(request, name)
    none = {**body, "tool_choice": {"type": "none"}}
    assert count_tokens.payload(MessagesCountTokensSchema().load(none)).tools == ()

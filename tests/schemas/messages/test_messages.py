"""Bodies of Anthropic's API: what is taken, what is refused, and by which name."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from schemas.fields import checked
from schemas.messages.batches import MessageBatchSchema
from schemas.messages.blocks import Thought, ToolResult, ToolUse
from schemas.messages.count_tokens import MessagesCountTokensSchema
from schemas.messages.messages import MessagesSchema
from schemas.text.content import Media
from tests.schemas.bodies import refused

LEAST: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
LOOK = {"name": "look", "input_schema": {"type": "object", "properties": {}}}
TEXT_64 = base64.b64encode("Zürich".encode()).decode()
PLAIN = {"type": "text", "media_type": "text/plain", "data": "words"}


def said(*blocks: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {**LEAST, "messages": [{"role": role, "content": list(blocks)}]}


def read(*blocks: dict[str, Any], role: str = "user") -> tuple[Any, ...]:
    return tuple(MessagesSchema().load(said(*blocks, role=role))["messages"][0]["content"])


def document(source: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "document", "source": source, **more}


@pytest.mark.parametrize(
    ("block", "found"),
    [
        ({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}, "citations": None}, "a"),
        ({"type": "text", "text": ""}, ""),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}},
            Media("image", "data:image/png;base64,QUJD", "source.data"),
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}},
            Media("image", "https://a.example/b.png", "source.url"),
        ),
        (
            {"type": "image", "source": {"type": "file", "file_id": "file-1"}},
            Media("image", "file-1", "source.file_id"),
        ),
        (document(PLAIN), "words"),
        (
            document(PLAIN, title="A letter", context="from Ann", citations={"enabled": False}),
            "A letter\n\nfrom Ann\n\nwords",
        ),
        (document({"type": "base64", "media_type": "text/plain", "data": TEXT_64}), "Zürich"),
        (document({"type": "content", "content": "words"}), "words"),
        (
            document({"type": "base64", "media_type": "application/pdf", "data": "QUJD"}),
            Media("file", "data:application/pdf;base64,QUJD", "source.data"),
        ),
        (
            document({"type": "url", "url": "https://a.example/b.pdf"}, title="A letter", context="from Ann"),
            Media("file", "https://a.example/b.pdf", "source.url", title="A letter\n\nfrom Ann"),
        ),
        (document({"type": "file", "file_id": "file-1"}), Media("file", "file-1", "source.file_id")),
        (
            document({"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
            "a\n\nb",
        ),
        (
            {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "a"}]},
            "t\n\ns\n\na",
        ),
        ({"type": "tool_result", "tool_use_id": "1"}, ToolResult("1", (), False)),
        (
            {"type": "tool_result", "tool_use_id": "1", "content": "no", "is_error": True},
            ToolResult("1", ("no",), True),
        ),
        (
            {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "a"}, document(PLAIN)]},
            ToolResult("1", ("a", "words"), False),
        ),
    ],
)
def test_a_block_of_a_user(block: dict[str, Any], found: object) -> None:
    assert read(block) == (found,)


@pytest.mark.parametrize(
    ("block", "found"),
    [
        ({"type": "text", "text": "a", "citations": []}, "a"),
        ({"type": "thinking", "thinking": "hm", "signature": "c2ln"}, Thought("hm")),
        ({"type": "redacted_thinking", "data": "x"}, Thought("")),
        (
            {"type": "tool_use", "id": "1", "name": "look", "input": {"a": [1]}, "caller": {"type": "direct"}},
            ToolUse("1", "look", '{"a":[1]}'),
        ),
    ],
)
def test_a_block_of_an_assistant(block: dict[str, Any], found: object) -> None:
    assert read(block, role="assistant") == (found,)


def test_a_text_is_a_block_of_text() -> None:
    for role in ("user", "assistant", "system"):
        assert MessagesSchema().load({**LEAST, "messages": [{"role": role, "content": "a"}]})["messages"] == [
            {"role": role, "content": ("a",)}
        ]
    texts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]
    assert MessagesSchema().load({**LEAST, "system": texts})["system"] == "a\n\nb"


CONTENT = "messages[0].content[0]"


@pytest.mark.parametrize(
    ("block", "role", "param"),
    [
        ({"type": "poem"}, "user", f"{CONTENT}.type"),
        ({"text": "a"}, "user", CONTENT),
        ("a", "user", CONTENT),
        ({"type": "text"}, "user", f"{CONTENT}.text"),
        ({"type": "tool_use", "id": "1", "name": "look", "input": {}}, "user", f"{CONTENT}.type"),
        ({"type": "thinking", "thinking": "hm"}, "user", f"{CONTENT}.type"),
        ({"type": "tool_result", "tool_use_id": "1"}, "assistant", f"{CONTENT}.type"),
        ({"type": "image", "source": {"type": "url", "url": "x"}}, "assistant", f"{CONTENT}.type"),
        ({"type": "server_tool_use", "id": "1", "name": "web_search", "input": {}}, "assistant", f"{CONTENT}.type"),
        ({"type": "tool_use", "id": "1", "name": "look", "input": "{}"}, "assistant", f"{CONTENT}.input"),
        ({"type": "tool_use", "id": "", "name": "look", "input": {}}, "assistant", f"{CONTENT}.id"),
        ({"type": "tool_use", "id": "1", "name": "a b", "input": {}}, "assistant", f"{CONTENT}.name"),
        ({"type": "image"}, "user", f"{CONTENT}.source"),
        ({"type": "image", "source": {"type": "disk", "path": "/etc"}}, "user", f"{CONTENT}.source.type"),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/tiff", "data": "QUJD"}},
            "user",
            f"{CONTENT}.source.media_type",
        ),
        (
            document({"type": "base64", "media_type": "application/msword", "data": "QUJD"}),
            "user",
            f"{CONTENT}.source.media_type",
        ),
        (document({"type": "url"}), "user", f"{CONTENT}.source.url"),
        (document({"type": "file"}), "user", f"{CONTENT}.source.file_id"),
        (document({"type": "docx"}), "user", f"{CONTENT}.source.type"),
        (document({"type": "base64", "media_type": "text/plain", "data": "?"}), "user", f"{CONTENT}.source.data"),
        (document({"type": "base64", "media_type": "text/plain", "data": "/w=="}), "user", f"{CONTENT}.source.data"),
        (
            document({"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "image"}]}),
            "user",
            f"{CONTENT}.source.content[1].type",
        ),
        (
            {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "tool_reference", "tool_name": "a"}]},
            "user",
            f"{CONTENT}.content[0].type",
        ),
        ({"type": "tool_result", "tool_use_id": "1", "content": 5}, "user", f"{CONTENT}.content"),
        ({"type": "tool_result", "tool_use_id": "1", "is_error": "yes"}, "user", f"{CONTENT}.is_error"),
    ],
)
def test_a_block_that_cannot_be_read_is_refused_by_its_place(block: Any, role: str, param: str) -> None:
    assert refused(MessagesSchema, said(block, role=role)) == ("invalid_value", param)


def test_citations_are_refused_as_none_are_made() -> None:
    body = said(document(PLAIN, citations={"enabled": True}))
    assert refused(MessagesSchema, body) == ("unsupported_parameter", f"{CONTENT}.citations.enabled")


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"model": ""}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": "tool", "content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"content": "hi"}]}, "messages[0]"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": {"type": "text"}}]}, "messages[0].content"),
        ({"system": 5}, "system"),
        ({"system": [{"type": "image"}]}, "system[0].type"),
        ({"temperature": 2.5}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"top_k": -2}, "top_k"),
        ({"stop_sequences": [""]}, "stop_sequences[0]"),
        ({"stop_sequences": 5}, "stop_sequences"),
        ({"stream": "yes"}, "stream"),
        ({"thinking": {"type": "on"}}, "thinking.type"),
        ({"thinking": {"type": "enabled", "budget_tokens": 0}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "display": "all"}}, "thinking.display"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools[0].type"),
        ({"tools": [{"name": "look"}]}, "tools[0].input_schema"),
        ({"tools": [{"name": "look", "input_schema": {"type": "array"}}]}, "tools[0].input_schema"),
        ({"tools": [LOOK, LOOK]}, "tools[1].name"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"tool_choice": "any", "tools": [LOOK]}, "tool_choice"),
        ({"tool_choice": {"type": "tool", "name": "other"}, "tools": [LOOK]}, "tool_choice.name"),
        ({"tool_choice": {"type": "tool"}, "tools": [LOOK]}, "tool_choice.name"),
        ({"output_config": {"effort": "none"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "regex"}}}, "output_config.format.type"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        (
            {
                "output_config": {"format": {"type": "json_schema", "schema": {}}},
                "output_format": {"type": "json_schema", "schema": {}},
            },
            "output_format",
        ),
        (
            {"output_format": {"type": "json_schema", "schema": {}}, "tools": [LOOK], "tool_choice": {"type": "any"}},
            "output_format.schema",
        ),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_field(more: dict[str, Any], param: str) -> None:
    assert refused(MessagesSchema, {**LEAST, **more}) == ("invalid_value", param)


@pytest.mark.parametrize("more", [{"mcp_servers": [{"type": "url"}]}, {"container": "c"}])
def test_what_anthropic_does_on_its_own_servers_is_refused_by_name(more: dict[str, Any]) -> None:
    (name,) = more
    assert refused(MessagesSchema, {**LEAST, **more}) == ("unsupported_parameter", name)


def test_a_slip_is_refused_and_what_nobody_knows_is_told() -> None:
    assert refused(MessagesSchema, {**LEAST, "stop_sequence": ["a"]}) == ("unknown_parameter", "stop_sequence")
    assert checked(MessagesSchema, {**LEAST, "brand_new": 1}).ignored == ("brand_new",)
    block = {"type": "text", "text": "a", "brand_new": 1}
    assert checked(MessagesSchema, said(block)).ignored == ("messages[0].content[0].brand_new",)


def test_the_tokens_of_a_prompt_are_counted_without_a_limit() -> None:
    least = {name: LEAST[name] for name in ("model", "messages")}
    assert MessagesCountTokensSchema().load({**least, "tools": [LOOK]})["tools"] == [LOOK]


ONE = {"custom_id": "a", "params": {}}


@pytest.mark.parametrize(
    ("requests", "param"),
    [
        ([], "requests"),
        ([{**ONE, "custom_id": ""}], "requests[0].custom_id"),
        ([{**ONE, "custom_id": "a b"}], "requests[0].custom_id"),
        ([{**ONE, "custom_id": "a" * 65}], "requests[0].custom_id"),
        ([ONE, {**ONE, "custom_id": "b"}, ONE], "requests[2].custom_id"),
        ([{"custom_id": "a"}], "requests[0].params"),
        ([{"custom_id": "a", "params": []}], "requests[0].params"),
    ],
)
def test_a_batch_that_cannot_be_run_names_the_request(requests: list[Any], param: str) -> None:
    assert refused(MessageBatchSchema, {"requests": requests}) == ("invalid_value", param)

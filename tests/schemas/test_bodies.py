"""A field is honoured, accepted because it changes nothing, or refused by name: never ignored."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import ValidationError

from schemas.chat import ChatSchema
from schemas.embeddings import EmbeddingsSchema
from schemas.fields import Body, problem, rows
from schemas.transcriptions import TranscriptionsSchema

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
EMBED = {"model": "m", "input": "text"}
FORM = {"model": "m", "file": object()}


def refused(schema: type[Body], body: dict[str, Any]) -> tuple[str, str | None]:
    with pytest.raises(ValidationError) as caught:
        schema().load(body)
    found = problem(caught.value)
    return found.code, found.param


LEAST = [(ChatSchema, CHAT), (EmbeddingsSchema, EMBED), (TranscriptionsSchema, FORM)]


@pytest.mark.parametrize(("schema", "least"), LEAST)
def test_null_is_absent_and_every_default_is_taken(schema: type[Body], least: dict[str, Any]) -> None:
    nulls = {row.name: None for row in rows(schema) if row.name not in least}
    assert schema().load({**nulls, **least}) == schema().load(least)
    for row in rows(schema):
        for value in row.taken:
            assert row.name not in schema().load({**least, row.name: value})


@pytest.mark.parametrize(("schema", "least"), LEAST)
def test_what_would_change_the_answer_is_refused_by_name(schema: type[Body], least: dict[str, Any]) -> None:
    for row in rows(schema):
        if row.support == "refused":
            assert refused(schema, {**least, row.name: "something"}) == ("unsupported_parameter", row.name)


def test_a_default_is_not_what_only_equals_it_in_python() -> None:
    assert refused(ChatSchema, {**CHAT, "n": True}) == ("unsupported_parameter", "n")
    assert refused(ChatSchema, {**CHAT, "logprobs": 0}) == ("unsupported_parameter", "logprobs")


def test_an_unknown_field_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValidationError) as caught:
        ChatSchema().load({**CHAT, "max_token": 5})
    assert "did you mean 'max_tokens'" in problem(caught.value).message
    assert refused(ChatSchema, {**CHAT, "messages": [{"role": "user", "content": "", "rol": 1}]}) == (
        "unknown_parameter",
        "messages[0].rol",
    )


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "1"}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.5}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens"),
        ({"stream": "true"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"stop": [""]}, "stop[0]"),
        ({"stop": 5}, "stop"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": "hi"}, "messages"),
        ({"model": ""}, "model"),
    ],
)
def test_a_chat_that_is_out_of_range(more: dict[str, Any], param: str) -> None:
    assert refused(ChatSchema, {**CHAT, **more}) == ("invalid_value", param)


def test_a_chat_s_forms() -> None:
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    found = ChatSchema().load({**CHAT, "messages": [{"role": "developer", "content": parts, "name": "n"}], "stop": "x"})
    assert found["messages"] == [{"role": "developer", "content": "one two", "name": "n"}] and found["stop"] == ["x"]
    assert ChatSchema().load({**CHAT, "max_tokens": 5.0})["max_tokens"] == 5


@pytest.mark.parametrize(
    ("given", "taken"),
    [("a", ["a"]), (["a", "b"], ["a", "b"]), ([1, 2], [[1, 2]]), ([[1], [2, 3]], [[1], [2, 3]])],
)
def test_inputs_to_embed(given: Any, taken: Any) -> None:
    assert EmbeddingsSchema().load({**EMBED, "input": given})["input"] == taken


@pytest.mark.parametrize(
    ("given", "param"),
    [("", "input"), ([], "input"), (["a", ""], "input[1]"), ([[]], "input[0]"), ([1, "a"], "input"), ([-1], "input[0]"),
     (["a", [1]], "input"), ([True], "input[0]"), (5, "input"), (["a"] * 2049, "input")],
)  # fmt: skip
def test_what_cannot_be_embedded(given: Any, param: str) -> None:
    assert refused(EmbeddingsSchema, {**EMBED, "input": given}) == ("invalid_value", param)


def test_a_transcription_s_form_brings_strings() -> None:
    assert TranscriptionsSchema().load({**FORM, "temperature": "0.5"})["temperature"] == 0.5
    assert refused(TranscriptionsSchema, {"model": "m"}) == ("invalid_value", "file")
    assert refused(TranscriptionsSchema, {**FORM, "response_format": "vtt"}) == ("invalid_value", "response_format")

"""A field that nobody here knows: a slip is refused with the name that was meant, anything else is ignored and told."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import ValidationError

from schemas.fields import Body, checked, problem
from schemas.images.generations import ImagesGenerationsSchema
from schemas.jobs.jobs import JobListSchema, JobSchema
from schemas.speech.transcriptions import TranscriptionsSchema
from schemas.text.chat import ChatSchema
from schemas.text.completions import CompletionsSchema
from schemas.unknown import MOST_NAMES, MOST_TOLD
from schemas.vectors.embeddings import EmbeddingsSchema
from tests.schemas.bodies import CHAT, TEXT

EMBED = {"model": "m", "input": "text"}
SLIPS = [
    (ChatSchema, CHAT, "max_token", "max_tokens"),
    (ChatSchema, CHAT, "maxTokens", "max_tokens"),
    (ChatSchema, CHAT, "max-tokens", "max_tokens"),
    (ChatSchema, CHAT, "max_completions_tokens", "max_completion_tokens"),
    (ChatSchema, CHAT, "temperatur", "temperature"),
    (ChatSchema, CHAT, "temprature", "temperature"),
    (ChatSchema, CHAT, "temperture", "temperature"),
    (ChatSchema, CHAT, "topP", "top_p"),
    (ChatSchema, CHAT, "Temperature", "temperature"),
    (ChatSchema, CHAT, "steram", "stream"),
    (ChatSchema, CHAT, "stops", "stop"),
    (ChatSchema, CHAT, "tool", "tools"),
    (ChatSchema, CHAT, "message", "messages"),
    (ChatSchema, CHAT, "response_fromat", "response_format"),
    (ChatSchema, CHAT, "toolchoice", "tool_choice"),
    (ChatSchema, CHAT, "enable_thinkin", "enable_thinking"),
    (ChatSchema, CHAT, "web_search_option", "web_search_options"),
    (CompletionsSchema, TEXT, "prompts", "prompt"),
    (CompletionsSchema, TEXT, "repeat_penality", "repeat_penalty"),
    (EmbeddingsSchema, EMBED, "dimension", "dimensions"),
    (ImagesGenerationsSchema, {"model": "m", "prompt": "a"}, "step", "steps"),
    (JobSchema, {"url": "/v1/x", "body": {}}, "label", "labels"),
]
STRANGERS = [
    (ChatSchema, CHAT, name)
    for name in (
        "features", "plugins", "chat_id", "session_id", "id", "background_tasks", "tool_servers", "variables", "params",
        "files", "provider", "transforms", "route", "usage", "num_ctx", "num_gpu", "keep_alive", "cache_prompt",
        "mirostat", "mirostat_tau", "tfs_z", "typical_p", "top_a", "mode", "models", "priority", "options", "format",
        "include", "input", "template", "system", "filter_ids", "reasoning_format", "x" * 10_000, "", "🦊",
        "a b\n",
    )
] + [
    (CompletionsSchema, TEXT, "session"),
    (EmbeddingsSchema, EMBED, "embedding_type"),
    (EmbeddingsSchema, EMBED, "normalize"),
    (TranscriptionsSchema, {"model": "m", "file": "f"}, "beam_size"),
    (TranscriptionsSchema, {"model": "m", "file": "f"}, "without_timestamps"),
    (JobListSchema, {}, "order"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "least", "written", "meant"), SLIPS)
def test_a_slip_is_refused_with_what_was_meant(schema: type[Body], least: Any, written: str, meant: str) -> None:
    with pytest.raises(ValidationError) as caught:
        schema().load({**least, written: 1})
    found = problem(caught.value)
    assert (found.code, found.param) == ("unknown_parameter", written)
    assert f"did you mean '{meant}'?" in found.message


@pytest.mark.parametrize(("schema", "least", "name"), STRANGERS)
@pytest.mark.parametrize("value", [1, "x", {"a": [1]}, [{}], False])
def test_what_is_like_nothing_is_ignored_and_told(schema: type[Body], least: Any, name: str, value: Any) -> None:
    found = checked(schema, {**least, name: value})
    assert found.data == schema().load(least)
    assert found.ignored == (name[:64],)


@pytest.mark.parametrize(("schema", "least", "name"), [*STRANGERS, (ChatSchema, CHAT, "temperatur")])
def test_null_is_absent_whatever_its_name(schema: type[Body], least: Any, name: str) -> None:
    assert checked(schema, {**least, name: None}) == checked(schema, least)


@pytest.mark.parametrize(("schema", "least", "name"), STRANGERS)
def test_who_wants_it_strict_is_refused(schema: type[Body], least: Any, name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        checked(schema, {**least, name: 1}, strict=True)
    found = problem(caught.value)
    assert found.code == "unknown_parameter" and "did you mean" not in found.message


@pytest.mark.parametrize(
    ("name", "taken", "refused"),
    [
        ("use_beam_search", False, True),
        ("length_penalty", 1.0, 0.5),
        ("early_stopping", False, True),
        ("best_of", 1, 3),
        ("echo", False, True),
    ],
)
def test_another_server_s_field_is_ignored_where_it_changes_nothing(name: str, taken: Any, refused: Any) -> None:
    assert checked(ChatSchema, {**CHAT, name: taken}).ignored == (name,)
    with pytest.raises(ValidationError) as caught:
        checked(ChatSchema, {**CHAT, name: refused})
    assert problem(caught.value)[::2] == ("unsupported_parameter", name)


def test_what_is_ignored_is_told_where_it_stands() -> None:
    part = {"type": "text", "text": "hi", "colour": 1}
    turns = [{"role": "user", "content": [part], "done": True}, {"role": "user", "content": "hi", "parentId": "x"}]
    tool = {"type": "function", "function": {"name": "look", "colour": 1}, "defer_loading": True}
    body = {**CHAT, "messages": turns, "tools": [tool], "chat_id": "x"}
    assert set(checked(ChatSchema, body).ignored) == {
        "chat_id",
        "messages[0].done",
        "messages[0].content[0].colour",
        "messages[1].parentId",
        "tools[0].defer_loading",
        "tools[0].function.colour",
    }


def test_a_slip_within_is_refused_where_it_stands() -> None:
    for body, param in (
        ({"messages": [{"role": "user", "content": "", "rol": 1}]}, "messages[0].rol"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "", "txet": 1}]}]},
         "messages[0].content[0].txet"),
        ({"stream": True, "stream_options": {"include_use": True}}, "stream_options.include_use"),
        ({"tools": [{"type": "function", "function": {"name": "a", "parameter": {}}}]}, "tools[0].function.parameter"),
    ):  # fmt: skip
        with pytest.raises(ValidationError) as caught:
            checked(ChatSchema, {**CHAT, **body})
        assert problem(caught.value)[::2] == ("unknown_parameter", param)


def test_only_so_many_are_told_and_only_so_many_taken() -> None:
    turns = [{"role": "user", "content": "hi", "parentId": "x"}] * (2 * MOST_TOLD)
    assert len(checked(ChatSchema, {**CHAT, "messages": turns}).ignored) == MOST_TOLD
    many = {f"stranger{number:03}": 1 for number in range(MOST_NAMES)}
    assert len(checked(ChatSchema, {**CHAT, **many}).ignored) == MOST_TOLD
    with pytest.raises(ValidationError) as caught:
        checked(ChatSchema, {**CHAT, **many, "one_more": 1})
    assert problem(caught.value)[::2] == ("invalid_value", "one_more")

"""A field is honoured, accepted because it changes nothing, or refused by name; the unknown is ignored and told."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from marshmallow import ValidationError

from schemas.fields import Body, problem, rows
from schemas.responses.responses import CompactSchema, InputTokensSchema, ResponsesSchema
from schemas.speech.transcriptions import TranscriptionsSchema
from schemas.text.chat import ChatSchema
from schemas.text.chat_render import ChatRenderSchema
from schemas.text.completions import CompletionsSchema
from schemas.text.detokenize import DetokenizeSchema
from schemas.text.tokenize import TokenizeSchema
from schemas.vectors.embeddings import EmbeddingsSchema
from schemas.vectors.rerank import RerankSchema
from schemas.vectors.score import ScoreSchema
from tests.schemas.bodies import CHAT, TEXT, refused

EMBED = {"model": "m", "input": "text"}
FORM = {"model": "m", "file": object()}


LEAST = [
    (ChatSchema, CHAT),
    (ChatRenderSchema, CHAT),
    (CompletionsSchema, TEXT),
    (TokenizeSchema, TEXT),
    (DetokenizeSchema, {"model": "m", "tokens": [1]}),
    (EmbeddingsSchema, EMBED),
    (ResponsesSchema, {"model": "m", "input": "hi"}),
    (InputTokensSchema, {"model": "m", "input": "hi"}),
    (CompactSchema, {"model": "m", "input": "hi"}),
    (RerankSchema, {"model": "m", "query": "a", "documents": ["b"]}),
    (ScoreSchema, {"model": "m", "text_1": "a", "text_2": "b"}),
    (TranscriptionsSchema, FORM),
]


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
    assert refused(ChatSchema, {**CHAT, "echo": 0}) == ("unsupported_parameter", "echo")
    assert refused(ChatSchema, {**CHAT, "n": True}) == ("invalid_value", "n")
    assert refused(ChatSchema, {**CHAT, "logprobs": 0}) == ("invalid_value", "logprobs")


def test_a_misspelled_field_is_refused_with_the_name_that_was_meant() -> None:
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
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens"),
        ({"thinking_budget": 5, "thinking_token_budget": 6}, "thinking_token_budget"),
        ({"thinking_budget": -1}, "thinking_budget"),
        ({"thinking_budget": 0.5}, "thinking_budget"),
        ({"logprobs": 1}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"top_logprobs": 3, "logprobs": False}, "top_logprobs"),
        ({"top_logprobs": 21, "logprobs": True}, "top_logprobs"),
        ({"reasoning_effort": "extreme"}, "reasoning_effort"),
        ({"chat_template_kwargs": []}, "chat_template_kwargs"),
        ({"chat_template_kwargs": {"chat_template": "{{ messages }}"}}, "chat_template_kwargs.chat_template"),
        ({"chat_template_kwargs": {"a": msgspec.json.decode("[" * 40 + "]" * 40)}}, "chat_template_kwargs"),
        ({"messages": [{"role": "user", "content": "a", "partial": True}]}, "messages[0].partial"),
        ({"messages": [{"role": "assistant", "content": "a", "partial": True}, *CHAT["messages"]]},
         "messages[0].partial"),
        ({"messages": [{"role": "assistant", "content": None}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "poem"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": "hi"}, "messages"),
        ({"model": ""}, "model"),
    ],
)  # fmt: skip
def test_a_chat_that_is_out_of_range(more: dict[str, Any], param: str) -> None:
    assert refused(ChatSchema, {**CHAT, **more}) == ("invalid_value", param)


def test_a_chat_s_forms() -> None:
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    found = ChatSchema().load({**CHAT, "messages": [{"role": "developer", "content": parts, "name": "n"}], "stop": "x"})
    assert found["messages"] == [{"role": "developer", "content": "one two", "name": "n"}] and found["stop"] == ("x",)
    assert ChatSchema().load({**CHAT, "max_tokens": 5.0})["max_tokens"] == 5
    assert ChatSchema().load({**CHAT, "logprobs": True, "top_logprobs": 20})["top_logprobs"] == 20
    deep = {"a": msgspec.json.decode("[" * 31 + "]" * 31), "b": None}
    assert ChatSchema().load({**CHAT, "chat_template_kwargs": deep})["chat_template_kwargs"] == deep
    begun = [*CHAT["messages"], {"role": "assistant", "content": "Well,", "partial": True}]
    assert ChatSchema().load({**CHAT, "messages": begun})["messages"] == begun


SAMPLING: dict[str, tuple[list[Any], list[Any]]] = {  # a field's values that are taken, and that are refused
    "temperature": ([0, 0.7, 2], [-0.1, 2.1, "1", True]),
    "top_p": ([0, 0.01, 1], [-0.1, 1.5, "1"]),
    "top_k": ([-1, 0, 1, 40.0, 2**31 - 1], [-2, 1.5, True, 2**31]),
    "min_p": ([0, 0.05, 1], [-0.1, 1.1]),
    "xtc_probability": ([0, 1], [-0.1, 1.1]),
    "xtc_threshold": ([0, 0.5], [-0.1, 0.6]),
    "repetition_penalty": ([0.5, 1, 1.3], [0, -1, 1e300, 10**400]),
    "repetition_context_size": ([0, 20], [-1, 0.5, 1e300]),
    "presence_penalty": ([-2, 0, 2], [-2.1, 2.1]),
    "frequency_penalty": ([-2, 0, 2], [-2.1, 2.1]),
    "logit_bias": ([{}, {"0": -100, "50256": 100}], [5, []]),
    "seed": ([-(2**63), 0, 2**63 - 1], [2**63, -(2**63) - 1, 0.5, "1"]),
    "stop": ([[], "", "a", ["a", "b", "c", "d", "e"], ["a" * 64] * 256], [["a"] * 257, ["a" * 9000] * 2, 5, {}]),
    "repeat_penalty": ([0.5, 1, 1.3], [0, -1, "1"]),
    "repeat_last_n": ([-1, 0, 64], [-3, 0.5]),
    "num_predict": ([-2, -1, 1, 128], [-3, 0, 0.5]),
    "n_predict": ([-1, 1, 128], [-3, 0]),
    "min_tokens": ([0, 1, 100], [-1, 0.5, True]),
    "ignore_eos": ([True, False], [1, "true"]),
    "stop_token_ids": ([[], [0, 2**31 - 1]], [5, [0] * 257]),
    "include_stop_str_in_output": ([True, False], [1]),
    "skip_special_tokens": ([True, False], ["yes"]),
    "n": ([1, 128], [0, 129, 1.5]),
    "max_tokens": ([1, 2**31 - 1], [-1, 1.5, True, "5", 2**31, 1e300]),
    "stream": ([True, False], ["true", 1]),
}


@pytest.mark.parametrize(("schema", "least"), [(ChatSchema, CHAT), (CompletionsSchema, TEXT)])
@pytest.mark.parametrize("field", SAMPLING)
def test_how_tokens_are_chosen(schema: type[Body], least: dict[str, Any], field: str) -> None:
    taken, wrong = SAMPLING[field]
    for value in taken:
        assert field in schema().load({**least, field: value})
    for value in wrong:
        assert refused(schema, {**least, field: value}) == ("invalid_value", field)


@pytest.mark.parametrize(("schema", "least"), [(ChatSchema, CHAT), (CompletionsSchema, TEXT)])
@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"stop": ["a", ""]}, "stop[1]"),
        ({"logit_bias": {"5": 101}}, "logit_bias.5"),
        ({"logit_bias": {"5": "1"}}, "logit_bias.5"),
        ({"logit_bias": {"-5": 1}}, "logit_bias.-5"),
        ({"logit_bias": {"007": 1}}, "logit_bias.007"),
        ({"logit_bias": {"9" * 5000: 1}}, "logit_bias." + "9" * 5000),
        ({"logit_bias": {str(token): 1 for token in range(1025)}}, "logit_bias"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": {"include_use": True}}, "stream_options.include_use"),
    ],
)
def test_what_is_wrong_within_a_field_is_told_where(
    schema: type[Body], least: dict[str, Any], more: dict[str, Any], param: str
) -> None:
    assert refused(schema, {**least, **more})[1] == param


def test_what_is_taken_is_in_the_payload_s_form() -> None:
    found = ChatSchema().load({**CHAT, "top_k": -1, "logit_bias": {"7": 1}, "stop": "x", "seed": 2**63 - 1})
    assert (found["top_k"], found["logit_bias"], found["stop"], found["seed"]) == (0, {7: 1.0}, ("x",), 2**63 - 1)
    options = {"include_usage": True, "include_obfuscation": True}
    assert ChatSchema().load({**CHAT, "stream": True, "stream_options": options})["stream_options"] == {
        "include_usage": True
    }


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": ["a", ""]}, "prompt[1]"),
        ({"prompt": [[1], [2**31]]}, "prompt[1]"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"logprobs": 21}, "logprobs"),
        ({"logprobs": True}, "logprobs"),
        ({"best_of": 2}, "best_of"),
        ({"best_of": 2, "n": 3}, "best_of"),
        ({"prompt": ["a"] * 100, "n": 100}, "n"),
        ({"echo": 1}, "echo"),
    ],
)
def test_a_completion_that_is_out_of_range(more: dict[str, Any], param: str) -> None:
    assert refused(CompletionsSchema, {**TEXT, **more}) == ("invalid_value", param)


def test_a_completion_s_forms() -> None:
    assert CompletionsSchema().load({**TEXT, "max_tokens": 0, "echo": True})["max_tokens"] == 0
    assert CompletionsSchema().load({**TEXT, "n": 2, "best_of": 2, "logprobs": 0})["logprobs"] == 0
    assert CompletionsSchema().load({**TEXT, "prompt": [[1], [2, 3]]})["prompt"] == ((1,), (2, 3))


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "prompt"),
        ({"prompt": "a", "messages": CHAT["messages"]}, "prompt"),
        ({"prompt": ["a"]}, "prompt"),
        ({"messages": []}, "messages"),
        ({"messages": CHAT["messages"], "add_special_tokens": True}, "add_special_tokens"),
        ({"prompt": "a", "add_generation_prompt": True}, "add_generation_prompt"),
        ({"prompt": "a", "chat_template_kwargs": {"a": 1}}, "chat_template_kwargs"),
        ({"prompt": "a", "reasoning_effort": "low"}, "reasoning_effort"),
        ({"prompt": "a", "tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
    ],
)
def test_what_cannot_be_tokenized(body: dict[str, Any], param: str) -> None:
    assert refused(TokenizeSchema, {"model": "m", **body}) == ("invalid_value", param)


@pytest.mark.parametrize(("tokens", "param"), [("a", "tokens"), ([1, -1], "tokens[1]"), ([True], "tokens[0]")])
def test_what_is_no_token(tokens: Any, param: str) -> None:
    assert refused(DetokenizeSchema, {"model": "m", "tokens": tokens}) == ("invalid_value", param)


@pytest.mark.parametrize(
    ("given", "taken"),
    [("a", ("a",)), (["a", "b"], ("a", "b")), ([1, 2], ((1, 2),)), ([[1], [2, 3]], ((1,), (2, 3)))],
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


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt_name": ""}, "prompt_name"),
        ({"prompt_name": 5}, "prompt_name"),
        ({"input_type": "passage"}, "input_type"),
        ({"prompt_name": "query", "input_type": "query"}, "input_type"),
        ({"truncate": "end"}, "truncate"),
        ({"truncate": True}, "truncate"),
        ({"truncate": "NONE", "truncate_prompt_tokens": 5}, "truncate"),
        *(({"truncate_prompt_tokens": most}, "truncate_prompt_tokens") for most in (0, -2, "5", True, 1.5, 2**40)),
    ],
)
def test_how_an_input_cannot_be_embedded(body: dict[str, Any], param: str) -> None:
    assert refused(EmbeddingsSchema, {**EMBED, **body}) == ("invalid_value", param)


def test_a_transcription_s_form_brings_strings() -> None:
    assert TranscriptionsSchema().load({**FORM, "temperature": "0.5"})["temperature"] == 0.5
    assert refused(TranscriptionsSchema, {"model": "m"}) == ("invalid_value", "file")


@pytest.mark.parametrize(("schema", "least"), [(ChatSchema, CHAT), (CompletionsSchema, TEXT)])
@pytest.mark.parametrize(
    ("name", "value", "ours", "taken"),
    [
        ("repeat_penalty", 1.2, "repetition_penalty", 1.2),
        ("repeat_last_n", 64, "repetition_context_size", 64),
        ("repeat_last_n", -1, "repetition_context_size", 2**31 - 1),
        ("num_predict", 5, "max_tokens", 5),
        ("num_predict", -1, "max_tokens", 2**31 - 1),
        ("n_predict", -2, "max_tokens", 2**31 - 1),
    ],
)
def test_another_server_s_name_means_ours(
    schema: type[Body], least: dict[str, Any], name: str, value: Any, ours: str, taken: Any
) -> None:
    ours = "max_completion_tokens" if schema is ChatSchema and ours == "max_tokens" else ours
    assert schema().load({**least, name: value})[ours] == taken
    assert schema().load({**least, name: value, ours: taken})[ours] == taken
    if taken != 1.2:
        assert refused(schema, {**least, name: value, ours: taken - 1}) == ("invalid_value", name)


@pytest.mark.parametrize(("schema", "least"), [(ChatSchema, CHAT), (CompletionsSchema, TEXT)])
def test_an_answer_cannot_be_longer_than_it_may(schema: type[Body], least: dict[str, Any]) -> None:
    assert schema().load({**least, "min_tokens": 5, "max_tokens": 5})
    assert refused(schema, {**least, "min_tokens": 6, "max_tokens": 5}) == ("invalid_value", "min_tokens")

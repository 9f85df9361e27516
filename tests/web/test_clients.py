"""What existing programs send reaches the model as what it means: a line of the table for each way to say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from schemas.text.chat import ChatSchema
from tasks.values.messages import Message, ToolCall
from web.api.text.chat import payload

USER = {"role": "user", "content": "hi"}
LINE = b'{"custom_id": "a"}\n'
SAID = {"role": "assistant", "content": "so far"}


def asked(*turns: Mapping[str, Any], **fields: Any) -> Any:
    return payload(ChatSchema().load({"model": "m", "messages": list(turns or (USER,)), **fields}))


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ({"stream": True, "stream_options": {"continuous_usage_stats": True}}, {"count_tokens": True}),
        ({"stream": True, "stream_options": {"continuous_usage_stats": False}}, {"count_tokens": False}),
        ({"ignore_eos": True}, {"ignore_eos": True}),
        ({"min_tokens": 3}, {"min_tokens": 3}),
        ({"stop_token_ids": [2, 1]}, {"stop_token_ids": (2, 1)}),
        ({"include_stop_str_in_output": True}, {"include_stop_str_in_output": True}),
        ({"skip_special_tokens": True}, {"skip_special_tokens": True}),
        ({"repeat_penalty": 1.5}, {"repetition_penalty": 1.5}),
        ({"repeat_last_n": 7}, {"repetition_context_size": 7}),
        ({"num_predict": 5}, {"max_tokens": 5}),
        ({"n_predict": 5}, {"max_tokens": 5}),
        ({"stop": ""}, {"stop": ()}),
        ({"stop": [str(number) for number in range(14)]}, {"stop": tuple(str(number) for number in range(14))}),
        ({"enable_thinking": False}, {"template_options": {"enable_thinking": False}}),
        ({"thinking": {"type": "enabled"}}, {"template_options": {"enable_thinking": True}}),
        ({"think": False}, {"template_options": {"enable_thinking": False}}),
        ({"chat_template_kwargs": {"enable_thinking": True}}, {"template_options": {"enable_thinking": True}}),
        ({"add_generation_prompt": False}, {"generation_prompt": False}),
        ({"chat_id": None, "session": None}, {"prefill": False}),
        ({"best_of": 1, "use_beam_search": False, "length_penalty": 1.0, "priority": 0}, {"n": 1}),
    ],
)
def test_a_field_of_another_server_means_what_it_means_there(sent: Mapping[str, Any], meant: Mapping[str, Any]) -> None:
    found = asked(**sent)
    assert {name: getattr(found, name) for name in meant} == meant


@pytest.mark.parametrize(
    ("turn", "fields", "prefill"),
    [
        (SAID, {}, True),
        (SAID, {"continue_final_message": True}, True),
        (SAID, {"continue_final_message": False}, False),
        (SAID, {"add_generation_prompt": True}, False),
        ({**SAID, "prefix": True}, {}, True),
        ({**SAID, "partial": True}, {"add_generation_prompt": False}, True),
        (USER, {}, False),
    ],
)
def test_the_last_message_is_continued_where_it_is_meant_to_be(
    turn: Mapping[str, Any], fields: Mapping[str, Any], prefill: bool
) -> None:
    assert asked(USER, turn, **fields).prefill is prefill


@pytest.mark.parametrize(
    ("turns", "calls", "result"),
    [
        (
            (
                {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}},
                {"role": "function", "name": "look", "content": "42"},
            ),
            (ToolCall("call_look", "look", "{}"),),
            Message("tool", "42", "look", call_id="call_look"),
        ),
        (
            (
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "a", "function": {"name": "look", "arguments": {"at": 1}}, "index": 0}],
                },
                {"role": "tool", "tool_call_id": "a", "content": "42"},
            ),
            (ToolCall("a", "look", '{"at":1}'),),
            Message("tool", "42", call_id="a"),
        ),
    ],
)
def test_calls_are_the_same_in_every_form(
    turns: tuple[Mapping[str, Any], ...], calls: tuple[ToolCall, ...], result: Message
) -> None:
    _, called, told, _ = asked(USER, *turns, USER).messages
    assert (called.calls, told) == (calls, result)


@pytest.mark.parametrize("purpose", ["assistants", "batch", "evals", "fine-tune", "user_data", "vision"])
def test_a_file_is_kept_for_every_purpose_that_the_sdk_knows(purpose: str, http: httpx.Client) -> None:
    answer = http.post("/v1/files", files={"file": ("a.jsonl", LINE)}, data={"purpose": purpose})
    assert answer.status_code == 200 and answer.json()["purpose"] == purpose
    listed = http.get("/v1/files", params={"purpose": purpose}).json()["data"]
    assert answer.json()["id"] in [file["id"] for file in listed]


@pytest.mark.parametrize("path", ["/v1/files", "/v1/batches", "/v1/jobs"])
@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_list_of_nothing_is_refused_by_name(path: str, limit: str, http: httpx.Client) -> None:
    answer = http.get(path, params={"limit": limit})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "limit")

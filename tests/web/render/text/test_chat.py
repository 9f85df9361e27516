"""A stream's chunks add up to the body of the same job, whatever the events were."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tasks.values import events, results
from tasks.values.events import CallDelta, Delta, Event
from tasks.values.job import Job, RenderOptions
from tasks.values.requests import Tool, ToolChoice
from tests.web.render import told
from tests.web.render.told import DELTAS, REASONS, TOLD, token
from tests.workers.engines.rows import chat
from web.render.text import chat as render


def job(logprobs: int | None = None, tools: tuple[Tool, ...] = (), choice: str = "auto", **options: Any) -> Job:
    asked = chat("hi", n=3, logprobs=logprobs, tools=tools, tool_choice=ToolChoice(choice))  # type: ignore[arg-type]
    return msgspec.structs.replace(asked, options=RenderOptions(**options), model="m")


def chunks(of: Job, heard: list[Event]) -> list[dict[str, Any]]:
    return told.chunks(render.chunks(of), heard)


def body(of: Job, heard: list[Event]) -> dict[str, Any]:
    return dict(msgspec.json.decode(render.body(of, results.fold(of.payload, heard)).data))


def added_up(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The choices that a client makes of a stream."""
    choices: dict[int, dict[str, Any]] = {}
    for choice in (choice for chunk in found for choice in chunk["choices"]):
        new = {"index": choice["index"], "message": {"refusal": None, "annotations": []}, "logprobs": None}
        known = choices.setdefault(choice["index"], new)
        add(known["message"], choice["delta"])
        known["finish_reason"] = choice["finish_reason"]
        if choice["logprobs"]:
            known["logprobs"] = known["logprobs"] or {"content": [], "refusal": None}
            known["logprobs"]["content"] += choice["logprobs"]["content"]
    return [choices[index] for index in sorted(choices)]


def add(message: dict[str, Any], delta: dict[str, Any]) -> None:
    for call in delta.pop("tool_calls", []):
        calls, index = message.setdefault("tool_calls", []), call.pop("index")
        if index == len(calls):  # the first of a call has its id and name
            calls.append(call)
        else:
            assert call == {"function": {"arguments": call["function"]["arguments"]}}
            calls[index]["function"]["arguments"] += call["function"]["arguments"]
    for name, value in delta.items():
        message[name] = value if message.get(name) is None else message[name] + (value or "")


def compare(whole: dict[str, Any], streamed: list[dict[str, Any]], deltas: list[Delta]) -> None:
    spoke = {delta.index for delta in deltas if delta.text or delta.logprobs or delta.reasoning or delta.calls}
    for choice in whole["choices"]:
        if choice["index"] not in spoke:  # a stream has nowhere to show that there are no tokens
            choice["logprobs"] = None
    assert all(len(choice["delta"].get("tool_calls", [])) <= 1 for chunk in streamed for choice in chunk["choices"])
    assert added_up(streamed) == whole["choices"]
    assert [chunk["usage"] for chunk in streamed if chunk["usage"]] == [whole["usage"]]
    assert {(chunk["id"], chunk["model"], chunk["created"]) for chunk in streamed} == {
        (whole["id"], whole["model"], whole["created"])
    }


@given(TOLD, REASONS, st.sampled_from([None, 0, 2]))
def test_chunks_add_up_to_the_body(deltas: list[Delta], reasons: list[Any], logprobs: int | None) -> None:
    of, heard = job(logprobs, (Tool("look"),), include_usage=True), told.answered(deltas, reasons)
    compare(body(of, heard), chunks(of, heard), deltas)


@given(DELTAS, REASONS, st.sampled_from([None, 0, 2]))
def test_chunks_add_up_to_the_body_without_tools(deltas: list[Delta], reasons: list[Any], logprobs: int | None) -> None:
    of, heard = job(logprobs, include_usage=True), told.answered(deltas, reasons)
    compare(body(of, heard), chunks(of, heard), deltas)


def test_log_probabilities_are_shown_where_they_were_asked_for() -> None:
    likely, other = token("é", -0.25), token("e", None)
    heard: list[Event] = [
        events.Started(1, 3),
        Delta("", logprobs=(token("é", -0.25, 0, likely, other),)),
        Delta("é", finish_reason="stop"),
        events.Done(),
    ]
    shown = {"token": "é", "logprob": -0.25, "bytes": [195, 169]}
    unlikely = {"token": "e", "logprob": -9999.0, "bytes": [101]}
    content = [{**shown, "top_logprobs": [shown, unlikely]}]
    assert body(job(2), heard)["choices"][0]["logprobs"] == {"content": content, "refusal": None}
    assert body(job(), heard)["choices"][0]["logprobs"] is None
    found = [chunk["choices"][0] for chunk in chunks(job(2), heard)]
    assert [choice["delta"] for choice in found[1:]] == [{"content": ""}, {"content": "é"}, {}]
    assert [choice["logprobs"] for choice in found] == [
        None, {"content": content, "refusal": None}, {"content": [], "refusal": None}, None
    ]  # fmt: skip
    assert all(chunk["choices"][0]["logprobs"] is None for chunk in chunks(job(), heard))


@given(TOLD)
def test_openai_s_sdk_makes_the_body_s_message_of_the_chunks(deltas: list[Delta]) -> None:
    # One answer, as the SDK takes answers for what comes at their place when a later one begins first.
    heard = told.answered([delta for delta in deltas if delta.index == 0], ["stop"])
    of, state = job(tools=(Tool("look"),)), ChatCompletionStreamState()
    for chunk in chunks(of, heard):
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    whole = ChatCompletion.model_validate_json(render.body(of, results.fold(of.payload, heard)).data)
    made, told_whole = (
        answer.choices[0].message.model_dump(exclude_none=True) for answer in (state.get_final_completion(), whole)
    )
    for call in made.get("tool_calls", []):
        del call["index"]  # which the SDK leaves there
    assert told_whole.pop("annotations") == []  # of which OpenAI's chunks say nothing either
    assert made == told_whole


LOOKED: list[Event] = [
    events.Started(1, 3),
    Delta("", reasoning="hm"),
    Delta("", calls=(CallDelta(0, "call_1", "look"),)),
    Delta("", calls=(CallDelta(0, arguments='{"a"'),)),
    Delta("", calls=(CallDelta(0, arguments=": 1}"), CallDelta(1, "call_2", "look", "{}"))),
    Delta("", finish_reason="tool_calls"),
    events.Done(events.Usage(3, 9, 1, reasoning_tokens=1)),
]


def test_calls_and_reasoning_are_shown_as_openai_and_others_show_them() -> None:
    whole = body(job(tools=(Tool("look"),)), LOOKED)
    calls = [
        {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}},
        {"id": "call_2", "type": "function", "function": {"name": "look", "arguments": "{}"}},
    ]
    assert whole["choices"][0]["finish_reason"] == "tool_calls"
    assert whole["choices"][0]["message"] == {
        "role": "assistant", "content": None, "refusal": None, "annotations": [], "reasoning_content": "hm",
        "tool_calls": calls,
    }  # fmt: skip
    assert whole["usage"]["completion_tokens_details"] == {"reasoning_tokens": 1}
    first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}}
    assert [chunk["choices"][0]["delta"] for chunk in chunks(job(tools=(Tool("look"),)), LOOKED)] == [
        {"role": "assistant", "content": None},
        {"reasoning_content": "hm"},
        {"tool_calls": [first]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]},
        {"tool_calls": [{"index": 1, **calls[1]}]},
        {},
    ]


@pytest.mark.parametrize(
    ("choice", "deltas"),
    [
        ("auto", [{"role": "assistant", "content": None}, {"reasoning_content": "hm"}, {"content": ""}, {}]),
        ("none", [{"role": "assistant", "content": ""}, {"reasoning_content": "hm"}, {}]),
    ],
)
def test_content_is_null_only_where_nothing_but_calls_follows(choice: str, deltas: list[Any]) -> None:
    of = job(tools=(Tool("look"),), choice=choice)
    heard: list[Event] = [Delta("", reasoning="hm", finish_reason="length"), events.Done()]
    assert [chunk["choices"][0]["delta"] for chunk in chunks(of, heard)] == deltas
    message = body(of, heard)["choices"][0]["message"]
    assert message["content"] == "" and "tool_calls" not in message


def test_an_answer_without_reasoning_and_calls_has_no_such_fields() -> None:
    heard: list[Event] = [Delta("a", finish_reason="stop"), events.Done()]
    whole = body(job(tools=(Tool("look"),)), heard)
    assert whole["choices"][0]["message"] == {
        "role": "assistant",
        "content": "a",
        "refusal": None,
        "annotations": [],
    }
    assert whole["usage"]["completion_tokens_details"] == {"reasoning_tokens": 0}


def test_the_role_comes_first_and_once_also_when_an_attempt_began_anew() -> None:
    heard: list[Event] = [events.Started(1, 3), events.Started(2, 3), Delta("a"), Delta("b")]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks(job(), heard)]
    assert deltas == [{"role": "assistant", "content": ""}, {"content": "a"}, {"content": "b"}]


def test_each_answer_has_its_role_first() -> None:
    heard: list[Event] = [events.Started(1, 3), Delta("b", 1), Delta("a", 0), Delta("c", 1)]
    found = [chunk["choices"][0] for chunk in chunks(job(), heard)]
    assert [(choice["index"], "role" in choice["delta"]) for choice in found] == [
        (0, True), (1, True), (1, False), (0, False), (1, False)
    ]  # fmt: skip


def test_who_reads_from_the_record_gets_the_role_too() -> None:
    found = chunks(job(), [Delta("abc", finish_reason="stop"), events.Done()])
    assert found[0]["choices"][0]["delta"]["role"] == "assistant"
    assert found[-1]["choices"][0]["finish_reason"] == "stop" and "usage" not in found[-1]


@pytest.mark.parametrize("event", [events.Progress(1, 2), events.Done(), events.Cancelled()])
def test_what_a_chunk_cannot_show_makes_none(event: Event) -> None:
    assert chunks(job(), [event]) == []


def test_ids_and_times_are_the_job_s() -> None:
    of = job()
    whole = body(of, [events.Started(1), Delta("a"), events.Done()])
    assert whole["id"].endswith(of.id.removeprefix("job_")) and abs(whole["created"] - time.time()) < 5

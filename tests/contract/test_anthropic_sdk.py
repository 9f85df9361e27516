"""Anthropic's SDK, with another base_url: every body and event is exactly of its types."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import pytest
from anthropic.types import Message, MessageTokensCount, RawMessageStreamEvent
from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse
from anthropic.types.model_info import ModelInfo
from pydantic import BaseModel, TypeAdapter

from tests.contract.test_openai_types import undeclared
from tests.support.servers import Stack
from tests.web.bodies import ENDLESS

MESSAGES = "/v1/messages"
LOOK: dict[str, Any] = {"name": "look", "input_schema": {"type": "object", "properties": {}}}
EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)


def body(text: str = "word", tokens: int = 3, model: str = "fake", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": tokens, **more}


@pytest.fixture
def client(fake_stack: Stack) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=fake_stack.url, api_key="none", max_retries=0) as client:
        yield client


def strictly(kind: type[BaseModel], data: str | bytes) -> Any:
    """The value in this JSON, with no coercion and nothing that the type does not declare."""
    found = kind.model_validate_json(data, strict=True)
    assert list(undeclared(found)) == []
    return found


def streamed(http: httpx.Client, **more: Any) -> list[Any]:
    response = http.post(MESSAGES, json=body(stream=True, **more))
    assert response.status_code == 200 and response.headers["Content-Type"].startswith("text/event-stream")
    found = []
    for frame in response.text.strip().split("\n\n"):
        name, data = frame.split("\n")
        value = EVENT.validate_json(data.removeprefix("data: "), strict=True)
        assert list(undeclared(value)) == [] and name == f"event: {value.type}"
        found.append(value)
    return found


@pytest.mark.parametrize(
    ("more", "blocks", "reason"),
    [
        ({}, ["text"], "max_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2}}, ["thinking", "text"], "max_tokens"),
        ({"thinking": {"type": "disabled"}}, ["text"], "max_tokens"),
        ({"tools": [LOOK], "tool_choice": {"type": "any"}}, ["tool_use"], "tool_use"),
        (
            {
                "tools": [LOOK],
                "tool_choice": {"type": "tool", "name": "look"},
                "thinking": {"type": "enabled", "budget_tokens": 2},
            },
            ["thinking", "tool_use"],
            "tool_use",
        ),
    ],
)
def test_every_answer_and_event_is_of_the_sdk_s_type(
    http: httpx.Client, more: dict[str, Any], blocks: list[str], reason: str
) -> None:
    answer = http.post(MESSAGES, json=body(**more))
    message = strictly(Message, answer.content)
    assert [block.type for block in message.content] == blocks and message.stop_reason == reason
    assert answer.headers["request-id"] and answer.headers["X-Job-ID"].removeprefix("job_") in message.id
    events = streamed(http, **more)
    assert [event.content_block.type for event in events if event.type == "content_block_start"] == blocks
    assert events[0].message.usage.input_tokens == message.usage.input_tokens
    assert (events[-2].delta.stop_reason, events[-2].usage.output_tokens) == (reason, message.usage.output_tokens)


def test_create_and_stream(client: anthropic.Anthropic) -> None:
    message = client.messages.create(**body(system="Be brief.", metadata={"user_id": "ann"}))
    assert message.content[0].type == "text" and message.content[0].text == "word1 word2 word3 "
    with client.messages.stream(**body()) as stream:
        assert "".join(stream.text_stream) == "word1 word2 word3 "
        final = stream.get_final_message()
    assert {**final.model_dump(), "id": message.id} == message.model_dump()
    assert message._request_id
    beta = client.beta.messages.create(**body(), betas=["interleaved-thinking-2025-05-14"])
    assert beta.content[0].type == "text"


def test_tokens_are_counted_as_they_are_read(client: anthropic.Anthropic, http: httpx.Client) -> None:
    counted = client.messages.count_tokens(model="fake", messages=[{"role": "user", "content": "word"}])
    assert counted.input_tokens > 0
    strictly(MessageTokensCount, http.post(f"{MESSAGES}/count_tokens", json={**body(), "max_tokens": None}).content)


def test_models(client: anthropic.Anthropic, http: httpx.Client) -> None:
    assert [model.id for model in client.models.list(limit=1)] == ["fake", "small"]  # from page to page
    assert client.models.retrieve("fake").id == "fake"
    page = http.get("/v1/models", params={"before_id": "small"}, headers={"anthropic-version": "2023-06-01"}).json()
    assert [model["id"] for model in page["data"]] == ["fake"] and page["has_more"] is False
    strictly(ModelInfo, http.get("/v1/models/fake", headers={"anthropic-version": "2023-06-01"}).content)
    assert http.get("/v1/models").json()["object"] == "list"


def ended(client: anthropic.Anthropic, batch_id: str) -> MessageBatch:
    until = time.monotonic() + 60
    while (batch := client.messages.batches.retrieve(batch_id)).processing_status != "ended":
        assert time.monotonic() < until, batch
        time.sleep(0.05)
    return batch


def counts(batch: MessageBatch) -> dict[str, int]:
    return {name: count for name, count in batch.request_counts.model_dump().items() if count}


def test_a_batch(client: anthropic.Anthropic, http: httpx.Client) -> None:
    wrong = {**body(), "temperature": 9}
    made = client.messages.batches.create(
        requests=[
            {"custom_id": "good", "params": body("a")},  # type: ignore[typeddict-item]
            {"custom_id": "wrong", "params": wrong},  # type: ignore[typeddict-item]
            {"custom_id": "failing", "params": body("fail")},  # type: ignore[typeddict-item]
        ]
    )
    assert made.processing_status == "in_progress" and counts(made) == {"processing": 3} and made.results_url is None
    batch = ended(client, made.id)
    assert counts(batch) == {"succeeded": 1, "errored": 2} and batch.ended_at and batch.results_url
    strictly(MessageBatch, http.get(f"{MESSAGES}/batches/{made.id}").content)
    results = {one.custom_id: one.result for one in client.messages.batches.results(made.id)}
    assert results["good"].type == "succeeded" and results["good"].message.content[0].type == "text"
    assert results["wrong"].type == "errored" and results["wrong"].error.error.type == "invalid_request_error"
    assert "temperature" in results["wrong"].error.error.message
    assert results["failing"].type == "errored" and results["failing"].error.error.type == "api_error"
    for line in http.get(f"{MESSAGES}/batches/{made.id}/results").text.splitlines():
        strictly(MessageBatchIndividualResponse, line)
    assert made.id in [one.id for one in client.messages.batches.list(limit=1)]
    assert client.messages.batches.delete(made.id).type == "message_batch_deleted"
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.retrieve(made.id)
    assert made.id not in [one.id for one in client.messages.batches.list()]


def test_a_batch_that_is_cancelled(client: anthropic.Anthropic) -> None:
    made = client.messages.batches.create(
        requests=[{"custom_id": f"r{number}", "params": body("w", 50, "small")} for number in range(20)]  # type: ignore[typeddict-item]
    )
    with pytest.raises(anthropic.ConflictError):
        client.messages.batches.delete(made.id)
    with pytest.raises(anthropic.AnthropicError, match="No `results_url`"):
        client.messages.batches.results(made.id)
    assert client.messages.batches.cancel(made.id).processing_status in ("canceling", "ended")
    batch = ended(client, made.id)
    found = counts(batch)
    assert sum(found.values()) == 20 and found["canceled"] and batch.cancel_initiated_at
    results = [one.result.type for one in client.messages.batches.results(made.id)]
    assert {kind: results.count(kind) for kind in set(results)} == found


def test_a_page_of_batches_before_one(client: anthropic.Anthropic) -> None:
    made = [client.messages.batches.create(requests=[{"custom_id": "a", "params": body()}]).id for _ in range(3)]  # type: ignore[typeddict-item]
    newest_first = list(reversed(made))
    page = client.messages.batches.list(limit=1, before_id=newest_first[2])
    assert [one.id for one in page.data] == [newest_first[1]] and page.has_more
    page = client.messages.batches.list(limit=2, after_id=newest_first[0])
    assert [one.id for one in page.data] == newest_first[1:]


ERRORS: list[tuple[dict[str, Any], type[anthropic.APIStatusError], str, str]] = [
    ({"extra_body": {"temperature": 9}}, anthropic.BadRequestError, "invalid_request_error", "temperature"),
    ({"messages": []}, anthropic.BadRequestError, "invalid_request_error", "messages"),
    ({"model": "none"}, anthropic.NotFoundError, "not_found_error", "model"),
    ({"text": "refuse"}, anthropic.BadRequestError, "invalid_request_error", "messages"),
    ({"text": "fail"}, anthropic.InternalServerError, "api_error", "fail"),
    ({"text": "x" * (33 << 20)}, anthropic.RequestTooLargeError, "request_too_large", "larger"),
]


@pytest.mark.parametrize(("more", "kind", "type", "told"), ERRORS)
def test_an_error_is_the_sdk_s_own(
    client: anthropic.Anthropic, more: dict[str, Any], kind: type[anthropic.APIStatusError], type: str, told: str
) -> None:
    asked = body(more.pop("text", "word")) | more
    for ask in (client.messages.create, client.messages.stream):
        with pytest.raises(anthropic.APIStatusError) as caught:
            found = ask(**asked)
            with found as stream:  # type: ignore[union-attr]
                stream.until_done()
        error = caught.value
        if "fail" not in str(asked["messages"]) or ask == client.messages.create:
            assert isinstance(error, kind)
        assert error.body["type"] == "error" and error.body["error"]["type"] == type  # type: ignore[index]
        assert told in error.body["error"]["message"] and error.body["request_id"]  # type: ignore[index]


def test_a_path_that_is_none_and_a_wrong_method(http: httpx.Client) -> None:
    for method, path, status, kind in (
        ("GET", f"{MESSAGES}/nothing/here", 404, "not_found_error"),
        ("GET", MESSAGES, 405, "invalid_request_error"),
        ("GET", f"{MESSAGES}/batches/msgbatch_0", 404, "not_found_error"),
        ("GET", f"{MESSAGES}/batches/batch_0", 404, "not_found_error"),
    ):
        answer = http.request(method, path)
        error = {"type": kind, "message": answer.json()["error"]["message"]}
        assert answer.status_code == status
        assert answer.json() == {"type": "error", "error": error, "request_id": answer.headers["request-id"]}
    told = http.get("/v1/models/none", headers={"anthropic-version": "2023-06-01"}).json()
    assert told["error"]["type"] == "not_found_error"
    assert "code" in http.get("/v1/models/none").json()["error"]


def test_a_full_queue_is_overloaded_and_says_when_to_come_back(http: httpx.Client) -> None:
    headers = {"Prefer": "wait=0.05"}
    answers = [http.post(MESSAGES, json=body(tokens=ENDLESS, model="small"), headers=headers) for _ in range(6)]
    full = [answer for answer in answers if answer.status_code == 529]
    assert full and {answer.status_code for answer in answers} == {202, 529}
    assert all(answer.json()["error"]["type"] == "overloaded_error" for answer in full)
    assert all(1 <= int(answer.headers["Retry-After"]) <= 120 for answer in full)


def test_a_call_is_a_job_as_any_other(http: httpx.Client) -> None:
    job = http.post(MESSAGES, json=body(), headers={"Prefer": "respond-async"}).json()
    assert (job["object"], job["endpoint"]) == ("job", MESSAGES)
    by_hand = http.post("/v1/jobs", json={"url": MESSAGES, "body": body("fail")}).json()
    until = time.monotonic() + 60
    while "queued" in (states := [http.get(f"/v1/jobs/{one['id']}").json()["status"] for one in (job, by_hand)]) or (
        "running" in states
    ):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert states == ["succeeded", "failed"]
    strictly(Message, http.get(f"/v1/jobs/{job['id']}/result").content)
    failed = http.get(f"/v1/jobs/{by_hand['id']}/result")
    assert failed.status_code == 500 and failed.json()["type"] == "error"

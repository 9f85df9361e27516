"""Every mistake gets the one envelope, with HTTP's status and the field's name."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tasks.values import errors
from tests.web.bodies import CHAT, ENDLESS, chat
from web.http.errors import ANSWERS

JSON = {"Content-Type": "application/json"}


def every(kind: type[errors.JobError]) -> set[str]:
    return {kind.code, *(code for child in kind.__subclasses__() for code in every(child))}


def test_every_code_has_a_status() -> None:
    assert every(errors.JobError) <= ANSWERS.keys()


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"method": "GET", "url": "/v1/nowhere"}, 404, "unknown_url"),
        ({"method": "PUT", "url": CHAT}, 405, "method_not_allowed"),
        ({"method": "POST", "url": CHAT, "content": b"{", "headers": JSON}, 400, "invalid_json"),
        ({"method": "POST", "url": CHAT, "content": b"[]", "headers": JSON}, 400, "invalid_json"),
        ({"method": "POST", "url": CHAT, "content": b"[" * 100_000, "headers": JSON}, 400, "invalid_json"),
        ({"method": "POST", "url": CHAT, "content": b'"\xff"', "headers": JSON}, 400, "invalid_json"),
        ({"method": "POST", "url": CHAT, "content": b"a=1"}, 415, "unsupported_media_type"),
        ({"method": "POST", "url": "/v1/audio/transcriptions", "json": {}}, 415, "unsupported_media_type"),
        ({"method": "GET", "url": "/v1/jobs/job_0"}, 404, "not_found"),
        ({"method": "GET", "url": "/v1/models/none"}, 404, "model_not_found"),
    ],
)
def test_a_request_that_cannot_be_served(http: httpx.Client, request_: dict[str, Any], status: int, code: str) -> None:
    response = http.request(**request_)
    assert response.status_code == status
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}
    assert response.json()["error"]["code"] == code


def test_a_wrong_method_is_told_the_right_ones(http: httpx.Client) -> None:
    assert {"GET", "POST"} <= set(http.put(CHAT).headers["Allow"].split(", "))


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "invalid_value", "model"),
        (chat(model="none"), "model_not_found", "model"),
        ({**chat(), "messages": []}, "invalid_value", "messages"),
        ({**chat(), "messages": [{"role": "user"}]}, "invalid_value", "messages[0].content"),
        ({**chat(), "messages": [{"role": "god", "content": ""}]}, "invalid_value", "messages[0].role"),
        (chat(temperature=3), "invalid_value", "temperature"),
        (chat(temperatur=1), "unknown_parameter", "temperatur"),
        (chat(verbosity="low"), "unsupported_parameter", "verbosity"),
        (chat(tokens=1e300), "invalid_value", "max_tokens"),
        (chat(seed=10**40), "invalid_value", "seed"),
        (chat(logit_bias={"token": 1}), "invalid_value", "logit_bias.token"),
        (chat("refuse"), "invalid_value", "messages"),
        (chat("refuse", stream=True), "invalid_value", "messages"),
    ],
)
def test_a_body_that_cannot_be_honoured_names_the_field(
    http: httpx.Client, body: dict[str, Any], code: str, param: str
) -> None:
    response = http.post(CHAT, json=body)
    assert response.status_code == (404 if code == "model_not_found" else 400)
    assert (response.json()["error"]["code"], response.json()["error"]["param"]) == (code, param)


def test_an_engine_s_failure_is_a_500_and_no_reason_to_try_again(http: httpx.Client) -> None:
    response = http.post(CHAT, json=chat("fail"))
    assert response.status_code == 500 and response.headers["x-should-retry"] == "false"
    assert response.json()["error"]["code"] == "engine_error"
    assert http.post(CHAT, json=chat()).status_code == 200


def test_a_body_beyond_the_limit_is_a_413(http: httpx.Client) -> None:
    response = http.post(CHAT, json=chat("x" * (33 << 20)))
    assert (response.status_code, response.json()["error"]["code"]) == (413, "request_too_large")


def test_a_full_queue_says_when_to_come_back(http: httpx.Client) -> None:
    headers = {"Prefer": "wait=0.05"}
    answers = [http.post(CHAT, json=chat(tokens=ENDLESS, model="small"), headers=headers) for _ in range(6)]
    full = [answer for answer in answers if answer.status_code == 429]
    assert full and all(1 <= int(answer.headers["Retry-After"]) <= 120 for answer in full)
    assert {answer.status_code for answer in answers} == {202, 429}

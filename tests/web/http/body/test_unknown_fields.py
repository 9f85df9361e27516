"""What a request holds and nobody here knows is ignored, and the answer, the job and the log say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from tasks.redis.store import JobStore
from tests.support.servers import fake
from tests.web.bodies import CHAT, chat
from web.application import create_app
from web.http.body import unknown_fields
from web.http.body.unknown_fields import HEADER

LATER = {"Prefer": "respond-async"}


def app_of(settings: Settings, **more: Any) -> Iterator[Flask]:
    app = create_app(Settings(**{**vars(settings), **more}), Catalogue.parse({"models": [fake()]}, "test"))
    yield app
    app.extensions["mlxq"].followers.close()


@pytest.fixture
def client(settings: Settings, store: JobStore) -> Iterator[FlaskClient]:
    for app in app_of(settings):
        yield app.test_client()


@pytest.fixture
def strict(settings: Settings, store: JobStore) -> Iterator[FlaskClient]:
    for app in app_of(settings, unknown_fields="refuse"):
        yield app.test_client()


def send(client: FlaskClient, **more: Any) -> TestResponse:
    return client.post(CHAT, json={**chat(), **more}, headers=LATER)


def error(answer: TestResponse) -> tuple[int, str, str]:
    assert isinstance(answer.json, dict)
    return answer.status_code, answer.json["error"]["code"], answer.json["error"]["param"]


def test_the_answer_and_the_job_say_what_was_ignored(client: FlaskClient) -> None:
    turn = {"role": "user", "content": "word", "done": True}
    answer = send(client, chat_id="x", features={}, session_id=None, messages=[turn])
    assert answer.status_code == 202 and isinstance(answer.json, dict)
    assert answer.headers[HEADER] == "chat_id, features, messages[0].done"
    assert answer.json["ignored"] == ["chat_id", "features", "messages[0].done"]
    assert client.get(f"/v1/jobs/{answer.json['id']}").json["ignored"] == answer.json["ignored"]


def test_an_answer_to_what_is_known_says_nothing(client: FlaskClient) -> None:
    answer = send(client, temperature=1, user="ann", chat_id=None)
    assert HEADER not in answer.headers and answer.json["ignored"] == []


def test_an_error_says_it_too(client: FlaskClient) -> None:
    answer = send(client, chat_id="x", model="none")
    assert error(answer)[:2] == (404, "model_not_found") and answer.headers[HEADER] == "chat_id"


def test_within_a_job_s_body_it_is_the_same(client: FlaskClient) -> None:
    answer = client.post("/v1/jobs", json={"url": CHAT, "body": {**chat(), "chat_id": "x"}, "origin": "y"})
    assert answer.headers[HEADER] == "origin, body.chat_id"
    assert answer.json["ignored"] == ["chat_id"]
    wrong = client.post("/v1/jobs", json={"url": CHAT, "body": {**chat(), "temprature": 1}})
    assert error(wrong) == (400, "unknown_parameter", "body.temprature")


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/files", "/v1/batches"])
def test_a_query_is_read_as_a_body_is(client: FlaskClient, path: str) -> None:
    answer = client.get(path, query_string={"colour": "blue", "limit": "5"})
    assert (answer.status_code, answer.headers[HEADER]) == (200, "colour")
    assert error(client.get(path, query_string={"limti": "5"})) == (400, "unknown_parameter", "limti")


def test_a_name_is_written_so_that_no_header_breaks(client: FlaskClient) -> None:
    answer = send(client, **{"a, b\r\nX-Evil: 1": 1, "🦊": 2})
    assert answer.headers[HEADER] == "a%2C%20b%0D%0AX-Evil%3A%201, %F0%9F%A6%8A"
    assert "X-Evil" not in answer.headers


def test_the_log_says_it_once_a_name_and_key(client: FlaskClient) -> None:
    unknown_fields._note.cache_clear()
    turns = [{"role": "user", "content": "word", "done": True}] * 2
    with capture_logs() as logged:
        for _ in range(3):
            send(client, chat_id="x", messages=turns)
    told = [(entry["field"], entry["owner"]) for entry in logged if "field" in entry]
    assert told == [("chat_id", "anonymous"), ("messages[].done", "anonymous")]


def test_who_wants_it_strict_is_refused(strict: FlaskClient) -> None:
    assert error(send(strict, chat_id="x")) == (400, "unknown_parameter", "chat_id")
    assert error(send(strict, use_beam_search=False)) == (400, "unknown_parameter", "use_beam_search")
    assert send(strict, chat_id=None, user="ann").status_code == 202
    assert error(strict.get("/v1/jobs", query_string={"colour": "blue"})) == (400, "unknown_parameter", "colour")


@pytest.mark.parametrize("strictly", [False, True])
def test_what_is_not_honoured_is_refused_by_name_either_way(
    client: FlaskClient, strict: FlaskClient, strictly: bool
) -> None:
    answer = send(strict if strictly else client, verbosity="low")
    assert error(answer) == (400, "unsupported_parameter", "verbosity")

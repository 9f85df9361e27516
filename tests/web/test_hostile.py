"""Bodies, queries and headers that are meant to hurt are told what is wrong with them, at nobody else's cost."""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from flask import Flask
from websockets.sync.client import connect

from tests.support.receivers import SECRET
from tests.support.servers import Valkey
from tests.web import alone
from tests.web.alone import Web
from tests.web.bodies import CHAT, chat
from web import intake
from web.http import errors

ENDLESS = "9" * 30 + "-0"
IMAGES = "/v1/images/generations"


@pytest.fixture(scope="module")
def web(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    yield from alone.running(Web(valkey, tmp_path_factory.mktemp("web"), MLXQ_WEBHOOK_SECRET=SECRET))


@pytest.fixture
def http(web: Web) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web.url, timeout=60) as client:
        yield client


def nested(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


def said(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


PART = {"type": "text", "text": "a"}


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (IMAGES, {"model": "draws", "prompt": "a", "quality": [[]]}, "quality"),
        (CHAT, {**chat(), "messages": [said("a")] * 100_000}, "messages"),
        (CHAT, {**chat(), "messages": [said("a")] * 5000}, "messages"),
        (CHAT, {**chat(), "messages": [{"role": "user", "content": [PART] * 5000}]}, "messages"),
        (CHAT, {**chat(), "messages": [{"role": "user", "content": [PART] * 50}] * 100}, "messages"),
        (CHAT, chat(tools=[{"type": "function", "function": {"name": "a"}}] * 50_000), "tools"),
        (CHAT, chat(stop=["a"] * 90_000), "stop"),
        (CHAT, chat(logit_bias={str(token): 1 for token in range(90_000)}), "logit_bias"),
        (CHAT, chat(metadata=nested(500)), "metadata"),
        (CHAT, chat(chat_template_kwargs={"a": nested(65)}), "chat_template_kwargs"),
        (CHAT, chat(chat_template_kwargs=dict.fromkeys(map(str, range(90_000)), 1)), "chat_template_kwargs"),
        ("/v1/embeddings", {"model": "fake", "input": ["a"] * 2049}, "input"),
        ("/v1/embeddings", {"model": "fake", "input": [1] * (2**20 + 1)}, "input"),
        ("/v1/rerank", {"model": "fake", "query": "a", "documents": ["a"] * 10_001}, "documents"),
        ("/v1/rerank", {"model": "fake", "query": "a", "documents": [{"text": "a", "b": nested(40)}]}, "documents[0]"),
        ("/v1/score", {"model": "fake", "text_1": "a", "text_2": ["a"] * 10_001}, "text_2"),
        ("/v1/detokenize", {"model": "fake", "tokens": [1] * (2**20 + 1)}, "tokens"),
        ("/v1/tokenize", {"model": "fake", "messages": [said("a")] * 5000}, "messages"),
        ("/v1/jobs", {"url": CHAT, "body": chat(), "labels": ["a"] * 90_000}, "labels"),
        ("/v1/jobs", {"url": CHAT, "body": chat(), "metadata": {str(key): "" for key in range(90_000)}}, "metadata"),
        ("/v1/jobs", {"url": CHAT, "body": {**chat(), "messages": [said("a")] * 5000}}, "body.messages"),
        ("/v1/jobs", {"url": CHAT, "body": chat(metadata=nested(100))}, "body"),
    ],
)
def test_what_is_too_much_is_refused_by_name_before_it_is_worked_on(
    http: httpx.Client, path: str, body: dict[str, Any], param: str
) -> None:
    answer = http.post(path, json=body, headers={"Prefer": "respond-async"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_body_of_very_many_objects_is_refused_in_no_time() -> None:
    body = json.dumps({"model": "fake", "a": [{}] * 2_000_000}).encode()
    began = time.process_time()
    json.loads(body)
    parsed = time.process_time()
    with pytest.raises(errors.JobError) as refused:
        intake.decoded(body)
    assert refused.value.failure.param == "a"
    assert time.process_time() - parsed < 4 * (parsed - began)  # reading it at all takes as long


@pytest.mark.parametrize("url", ["http://[", "http://xn--/", "http://a b/", "http://a..b/", "http://a:0/"])
def test_a_webhook_that_cannot_be_called_is_refused_wherever_it_is_asked_for(http: httpx.Client, url: str) -> None:
    answers = [
        (http.post(CHAT, json=chat(), headers={"Prefer": "respond-async", "X-Webhook-URL": url}), "X-Webhook-URL"),
        (http.post("/v1/jobs", json={"url": CHAT, "body": chat(), "webhook": {"url": url}}), "webhook.url"),
        (http.post("/v1/batches", json=batch(http), headers={"X-Webhook-URL": url}), "X-Webhook-URL"),
    ]
    for answer, param in answers:
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def batch(http: httpx.Client) -> dict[str, str]:
    file = http.post("/v1/files", files={"file": ("a.jsonl", b"{}")}, data={"purpose": "batch"}).json()["id"]
    return {"input_file_id": file, "endpoint": CHAT, "completion_window": "24h"}


@pytest.mark.parametrize("query", ["metadata=a&metadata[b]=c", "metadata[b]=c&metadata=a", "metadata=a"])
def test_metadata_is_an_object_in_a_query_too(http: httpx.Client, query: str) -> None:
    answer = http.get(f"/v1/jobs?{query}")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "metadata")


@pytest.mark.parametrize("event", [ENDLESS, "99999999999-0", "1-99999999999", "1-1\n", "١-١", "a"])
def test_an_event_id_that_none_has_is_refused(http: httpx.Client, web: Web, event: str) -> None:
    job = web.waiting_job()
    answers = [http.get(f"/v1/jobs/{job}/events", params={"after": event})]
    if event.isascii() and event.isprintable():
        answers.append(http.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": event}))
    assert {(answer.status_code, answer.json()["error"]["param"]) for answer in answers} == {(400, "after")}


def test_on_a_websocket_it_concerns_that_subscription_alone(web: Web) -> None:
    job = web.waiting_job()
    with connect(f"ws://127.0.0.1:{web.port}/v1/jobs/stream") as ws:
        ws.send(json.dumps({"type": "subscribe", "id": job, "after": ENDLESS}))
        refused = json.loads(ws.recv(timeout=60))
        assert (refused["type"], refused["id"], refused["error"]["param"]) == ("error", job, "after")
        ws.send(json.dumps({"type": "subscribe", "id": job}))
        assert json.loads(ws.recv(timeout=60))["type"] == "subscribed"


def test_a_range_that_is_not_there_is_a_416(http: httpx.Client) -> None:
    file = http.post("/v1/files", files={"file": ("a.txt", b"{}")}, data={"purpose": "user_data"}).json()["id"]
    answer = http.get(f"/v1/files/{file}/content", headers={"Range": "bytes=100-200"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (416, "range_not_satisfiable")


def test_a_path_with_too_many_slashes_is_no_page_that_redirects(http: httpx.Client) -> None:
    answer = http.get("//v1//models")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_url")


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_no_open_files_left_is_a_503_that_says_when_to_come_back(number: int) -> None:
    app = Flask("test")
    errors.register(app)

    @app.get("/")
    def fail() -> None:
        raise OSError(number, "no more")

    answer = app.test_client().get("/")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "overloaded")
    assert int(answer.headers["Retry-After"]) > 0

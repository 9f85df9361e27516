"""Who asked to be told of a job's end is told, signed; and every delivery can be looked at."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openai import OpenAI
from standardwebhooks import Webhook as Verifier

from tests.support import receivers
from tests.support.receivers import SECRET, Received, Receiver
from tests.support.servers import PATIENCE, Stack, Valkey, eventually, fake, running
from tests.web.api.jobs.test_batches import request, run
from tests.web.api.jobs.test_jobs import ended, submit
from tests.web.bodies import CHAT, chat


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    yield from receivers.running()


@pytest.fixture(scope="module")
def stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Stack]:
    hooks = {
        "MLXQ_WEBHOOK_URL": f"{receiver.url}/all",
        "MLXQ_WEBHOOK_SECRET": SECRET,
        "MLXQ_WEBHOOK_ALLOW_PRIVATE": "1",
    }
    yield from running(Stack(valkey, tmp_path_factory.mktemp("hooks"), [fake(slots=4, step_ms=5)], **hooks))


@pytest.fixture
def told(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, timeout=PATIENCE) as client:
        yield client


def deliveries(http: httpx.Client, job: str) -> list[dict[str, Any]]:
    return list(http.get(f"/v1/jobs/{job}/deliveries").json()["data"])


def one(receiver: Receiver, job: str, path: str) -> Received:
    return eventually(lambda: receiver.about(job, path))[0]  # type: ignore[no-any-return]


def test_a_job_s_end_is_told_signed_to_the_server_s_webhook_and_its_own(told: httpx.Client, receiver: Receiver) -> None:
    body = {"url": CHAT, "body": chat(), "webhook": {"url": f"{receiver.url}/own"}, "metadata": {"a": "b"}}
    job = told.post("/v1/jobs", json=body).json()
    assert job["webhook"] == {"url": f"{receiver.url}/own", "events": []}
    sdk = OpenAI(api_key="none", webhook_secret=SECRET)
    for path in ("/own", "/all"):
        sent = one(receiver, job["id"], path)
        assert Verifier(SECRET).verify(sent.body, sent.headers)["data"]["metadata"] == {"a": "b"}
        sdk.webhooks.verify_signature(sent.body, sent.headers)
        assert sdk.webhooks.unwrap(sent.body, sent.headers).type == "job.succeeded"
    shown = eventually(lambda: [each for each in deliveries(told, job["id"]) if each["status"] == "delivered"][1:])
    assert len(shown) == 1
    for each in deliveries(told, job["id"]):
        assert each["url"] in (None, f"{receiver.url}/own") and each["next_attempt_at"] is None
        assert [attempt["status_code"] for attempt in each["attempts"]] == [200]


def test_a_header_asks_for_it_on_any_endpoint(told: httpx.Client, receiver: Receiver) -> None:
    url = f"{receiver.url}/header"
    later = submit(told, X_Webhook_URL=url)["id"]
    assert one(receiver, later, "/header").event["data"]["status"] == "succeeded"
    now = told.post(CHAT, json=chat(), headers={"X-Webhook-URL": url}).headers["X-Job-ID"]
    assert one(receiver, now, "/header").event["type"] == "job.succeeded"
    quiet = told.post(CHAT, json=chat()).headers["X-Job-ID"]
    assert deliveries(told, quiet) == []


def test_only_the_ends_that_were_asked_for_are_told(told: httpx.Client, receiver: Receiver) -> None:
    webhook = {"url": f"{receiver.url}/failures", "events": ["job.failed", "job.cancelled"]}
    good, bad = (
        told.post("/v1/jobs", json={"url": CHAT, "body": chat(text), "webhook": webhook}).json()["id"]
        for text in ("word", "refuse")
    )
    sent = one(receiver, bad, "/failures").event
    assert sent["type"] == "job.failed" and sent["data"]["error"]["code"]
    ended(told, good)
    assert [each["url"] for each in deliveries(told, good)] == [None]


def test_what_was_not_taken_is_sent_again_and_shown(told: httpx.Client, receiver: Receiver) -> None:
    job = submit(told, X_Webhook_URL=f"{receiver.url}/answers/503,200")["id"]

    def failed() -> dict[str, Any] | None:
        found = [each for each in deliveries(told, job) if each["url"] is not None]
        return found[0] if found and found[0]["attempts"] else None

    first = eventually(failed)
    assert first["status"] == "pending" and first["attempts"][0]["status_code"] == 503
    assert 4 <= first["next_attempt_at"] - first["attempts"][0]["at"] <= 6
    eventually(lambda: failed()["status"] == "delivered")  # type: ignore[index]
    assert len({each.headers["webhook-id"] for each in receiver.about(job, "/answers/503,200")}) == 1


@pytest.mark.parametrize(
    ("webhook", "param"),
    [
        ({"url": "ftp://a.example"}, "webhook.url"),
        ({"url": "http://me:secret@a.example"}, "webhook.url"),
        ({"url": "http://a.example", "events": ["job.started"]}, "webhook.events[0]"),
        ({"events": ["job.failed"]}, "webhook.url"),
        ({"url": "http://a.example", "secret": "x"}, "webhook.secret"),
        ("http://a.example", "webhook"),
    ],
)
def test_a_webhook_that_cannot_be_is_told_where(told: httpx.Client, webhook: object, param: str) -> None:
    response = told.post("/v1/jobs", json={"url": CHAT, "body": chat(), "webhook": webhook})
    assert (response.status_code, response.json()["error"]["param"].split("._")[0]) == (400, param)
    refused = told.post(CHAT, json=chat(), headers={"X-Webhook-URL": "nowhere"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "X-Webhook-URL")


def test_without_a_signing_secret_there_are_none(http: httpx.Client) -> None:
    body = {"url": CHAT, "body": chat(), "webhook": {"url": "https://webhooks.example/"}}
    for response, param in (
        (http.post("/v1/jobs", json=body), "webhook.url"),
        (http.post(CHAT, json=chat(), headers={"X-Webhook-URL": "https://webhooks.example/"}), "X-Webhook-URL"),
    ):
        error = response.json()["error"]
        assert (response.status_code, error["param"]) == (400, param) and "MLXQ_WEBHOOK_SECRET" in error["message"]


def test_deliveries_outlive_the_supervisor(told: httpx.Client, stack: Stack, receiver: Receiver) -> None:
    os.kill(stack.supervisor.pid, signal.SIGKILL)
    stack.supervisor.wait()
    stack.supervisor.stop()
    job = submit(told, chat(tokens=5000))["id"]
    assert told.post(f"/v1/jobs/{job}/cancel").json()["status"] == "cancelled"
    assert [each["status"] for each in deliveries(told, job)] == ["pending"]

    stack.start_supervisor()

    assert one(receiver, job, "/all").event["type"] == "job.cancelled"
    eventually(lambda: deliveries(told, job)[0]["status"] == "delivered")
    stack.ready()


def test_the_end_of_a_batch_is_told_and_that_of_its_lines_is_not(told: httpx.Client, receiver: Receiver) -> None:
    batch = run(told, request("a"), request("b", chat("refuse")), metadata={"a": "b"})
    sent = one(receiver, batch["id"], "/all")
    assert Verifier(SECRET).verify(sent.body, sent.headers)["type"] == "batch.completed"
    event = OpenAI(api_key="none", webhook_secret=SECRET).webhooks.unwrap(sent.body, sent.headers)
    assert event.type == "batch.completed" and event.data.id == batch["id"]
    assert {name: batch[name] for name in sent.event["data"]} == sent.event["data"]
    (shown,) = eventually(
        lambda: [
            each
            for each in told.get(f"/v1/batches/{batch['id']}/deliveries").json()["data"]
            if each["status"] == "delivered"
        ]
    )
    assert (shown["type"], shown["url"]) == ("batch.completed", None)
    failed = run(told, "no JSON")
    assert one(receiver, failed["id"], "/all").event["type"] == "batch.failed"
    assert not [each for each in receiver.received if batch["id"] in str(each.event["data"]["metadata"])]
    assert told.get("/v1/batches/batch_none/deliveries").status_code == 404

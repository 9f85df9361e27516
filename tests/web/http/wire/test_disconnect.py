"""A client that goes away takes its work along, unless it said otherwise."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from typing import Any

import httpx
import pytest

from tests.support.servers import PATIENCE, Stack, eventually
from tests.web.bodies import CHAT, ENDLESS, chat
from web.http.wire.disconnect import Probe, Waiter, Watcher


def leave(stack: Stack, body: dict[str, Any], headers: dict[str, str]) -> str:
    """Ask, wait until it runs, and close the connection; the job's id."""
    key = f"left-{time.time_ns()}"
    connection = http.client.HTTPConnection("127.0.0.1", stack.port)
    named = {"Content-Type": "application/json", "Idempotency-Key": key, **headers}
    connection.request("POST", CHAT, json.dumps(body), named)

    def running() -> str | None:
        found = httpx.get(f"{stack.url}/v1/jobs", params={"idempotency_key": key}).json()["data"]
        return found[0]["id"] if found and found[0]["status"] == "running" else None

    job = str(eventually(running))
    connection.close()
    return job


@pytest.mark.parametrize("stream", [False, True])
def test_its_job_is_cancelled_and_the_row_is_free(http: httpx.Client, fake_stack: Stack, stream: bool) -> None:
    job = leave(fake_stack, chat(tokens=ENDLESS, model="small", stream=stream), {})
    eventually(lambda: http.get(f"/v1/jobs/{job}").json()["status"] == "cancelled")
    assert http.post(CHAT, json=chat(model="small")).status_code == 200


def test_it_may_be_told_to_go_on(http: httpx.Client, fake_stack: Stack) -> None:
    job = leave(fake_stack, chat(tokens=300, stream=True), {"X-On-Disconnect": "continue"})
    eventually(lambda: http.get(f"/v1/jobs/{job}").json()["status"] == "succeeded")
    answer = http.get(f"/v1/jobs/{job}/result").json()
    assert answer["choices"][0]["message"]["content"].endswith("word300 ")


def test_who_asks_again_with_the_same_key_gets_an_answer(http: httpx.Client, fake_stack: Stack) -> None:
    job = leave(fake_stack, chat(tokens=400), {})
    eventually(lambda: http.get(f"/v1/jobs/{job}").json()["status"] == "cancelled")
    key = http.get(f"/v1/jobs/{job}").json()["idempotency_key"]
    again = http.post(CHAT, json=chat(tokens=400), headers={"Idempotency-Key": key})
    assert again.status_code == 200 and again.headers["X-Job-ID"] != job


def test_one_of_two_who_wait_for_a_job_may_leave(http: httpx.Client, fake_stack: Stack) -> None:
    body = chat(tokens=400)
    job = leave(fake_stack, body, {"X-Request-ID": "first"})
    # Joined before the first one's absence is noticed, or begun anew after it: an answer either way.
    key = http.get(f"/v1/jobs/{job}").json()["idempotency_key"]
    assert http.post(CHAT, json=body, headers={"Idempotency-Key": key}).status_code == 200


def test_who_waits_is_woken_when_its_client_goes_or_its_time_comes() -> None:
    here, there = socket.socketpair()
    watcher, left, late = Watcher(), threading.Event(), threading.Event()
    due = Waiter(Probe({}), late.set, time.monotonic() + 0.5)
    waiter = Waiter(Probe({"gunicorn.socket": here}), left.set)
    with watcher.watching(due), watcher.watching(waiter):
        there.send(b"what comes next")
        assert late.wait(PATIENCE) and not left.is_set()
        there.close()
        assert here.recv(100) and left.wait(PATIENCE) and waiter.gone and not due.gone
    here.close()

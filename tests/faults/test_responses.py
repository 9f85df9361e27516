"""A response in the background outlives its client, the web and its worker, and is told once."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import psutil

from tests.faults.clients import Clients, expected
from tests.support.servers import PATIENCE, Stack, eventually

URL = "/v1/responses"


def followed(stack: Stack, method: str, path: str, **more: Any) -> Iterator[dict[str, Any]]:
    """A stream's events, until it ends or breaks."""
    with httpx.Client(base_url=stack.url, timeout=PATIENCE) as http, http.stream(method, path, **more) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: {"):
                yield json.loads(line[6:])


def test_a_response_is_followed_across_deaths_of_the_web_and_of_its_worker(clients: Clients, stack: Stack) -> None:
    body = {"model": "fake", "input": "far", "max_output_tokens": 120, "background": True, "stream": True}
    told: list[dict[str, Any]] = []
    for event in followed(stack, "POST", URL, json=body):
        told.append(event)
        if event["sequence_number"] == 40:
            break
    response_id = told[0]["response"]["id"]

    web = psutil.Process(stack.web.pid)
    for process in [*web.children(), web]:
        process.kill()
    stack.web.wait()
    stack.web.stop()
    os.kill(clients.worker_pid(), signal.SIGKILL)
    stack.start_web()
    stack.ready()

    query = {"stream": "true", "starting_after": told[-1]["sequence_number"]}
    told += followed(stack, "GET", f"{URL}/{response_id}", params=query)
    record = clients.ended(response_id.replace("resp_", "job_"))
    assert record.attempt == 2
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    text = "".join(event["delta"] for event in told if event["type"] == "response.output_text.delta")
    stored = clients.http.get(f"{URL}/{response_id}").json()
    assert text == stored["output"][0]["content"][0]["text"] == expected("far", 120)
    assert told[-1]["response"] == stored
    clients.store.redis.delete(clients.store.keys.events(record.job.id))  # as minutes later
    again = list(followed(stack, "GET", f"{URL}/{response_id}", params={"stream": "true"}))
    assert again == told


def test_who_follows_while_a_worker_dies_hears_nothing_twice(clients: Clients, stack: Stack) -> None:
    body = {"model": "fake", "input": "near", "max_output_tokens": 60, "background": True, "stream": True}
    told: list[dict[str, Any]] = []
    for event in followed(stack, "POST", URL, json=body):
        told.append(event)
        if event["sequence_number"] == 20:
            os.kill(clients.worker_pid(), signal.SIGKILL)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    text = "".join(event["delta"] for event in told if event["type"] == "response.output_text.delta")
    assert text == expected("near", 60) and told[-1]["type"] == "response.incomplete"
    assert clients.record(told[0]["response"]["id"].replace("resp_", "job_")).attempt == 2


def test_a_response_that_is_not_in_the_background_fails_with_its_worker(clients: Clients, stack: Stack) -> None:
    body = {"model": "fake", "input": "lost", "max_output_tokens": 200, "stream": True}
    told: list[dict[str, Any]] = []
    for event in followed(stack, "POST", URL, json=body):
        told.append(event)
        if event["sequence_number"] == 20:
            os.kill(clients.worker_pid(), signal.SIGKILL)
    assert told[-1]["type"] == "response.failed" and told[-1]["response"]["error"]["code"] == "server_error"
    stored = eventually(lambda: clients.http.get(f"{URL}/{told[0]['response']['id']}").json())
    assert stored == told[-1]["response"]

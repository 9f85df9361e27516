"""A worker that dies amid a picture: the picture is drawn again, the same one, and shown once."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tasks.processes.presence import Presence
from tasks.redis import store as stores
from tests.support.servers import PATIENCE, Stack, eventually

PATH = "/v1/images/generations"
BODY = {"model": "flux2", "prompt": "a cat", "size": "128x128", "steps": 60, "partial_images": 3}


@pytest.fixture
def client(image_stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=image_stack.url, timeout=PATIENCE) as client:
        yield client


def kill(stack: Stack) -> None:
    """End the worker of the model, without a chance to say anything."""
    store = stores.connect(stack.settings)
    os.kill(Presence(store).workers("flux2")[0].pid, signal.SIGKILL)
    store.redis.close()


def test_a_job_draws_the_picture_that_it_had_begun(image_stack: Stack, client: httpx.Client) -> None:
    job = client.post("/v1/jobs", json={"url": PATH, "body": BODY}).json()["id"]
    eventually(lambda: client.get(f"/v1/jobs/{job}").json()["progress"] >= 10)
    kill(image_stack)
    ended = eventually(lambda: succeeded(client.get(f"/v1/jobs/{job}").json()))
    assert ended["attempts"] == 2
    (made,) = client.get(f"/v1/jobs/{job}/result").json()["data"]
    (again,) = client.post(PATH, json={**BODY, "seed": made["seed"]}).json()["data"]
    assert again == made


def succeeded(job: dict[str, Any]) -> dict[str, Any] | None:
    assert job["status"] in ("running", "queued", "succeeded"), job
    return job if job["status"] == "succeeded" else None


def test_a_stream_goes_on_and_shows_nothing_twice(image_stack: Stack, client: httpx.Client) -> None:
    events: list[dict[str, Any]] = []
    with client.stream("POST", PATH, json={**BODY, "stream": True}) as stream:
        for line in stream.iter_lines():
            if not line.startswith("data: {"):
                continue
            events.append(json.loads(line.removeprefix("data: ")))
            if len(events) == 1:
                kill(image_stack)
    assert [event.get("partial_image_index") for event in events] == [0, 1, 2, None], events[-1].get("error")
    assert events[-1]["type"] == "image_generation.completed"

"""A batch whose processes are killed one after the other: every line's record stands once, and the counts are right."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tasks import store as stores
from tasks.presence import Presence
from tests.servers import Stack, Valkey, eventually, fake, running

URL = "/v1/chat/completions"
ENDED = ("completed", "failed", "expired", "cancelled")


@pytest.fixture
def valkey_of_its_own(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def stack(valkey_of_its_own: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    # So slow that a batch of 200 lines is under way through all that happens to it.
    models = [fake(slots=8, step_ms=60), fake("other", slots=2, step_ms=5)]
    folder = tmp_path_factory.mktemp("stack")
    yield from running(Stack(valkey_of_its_own, folder, models, db=0, MLXQ_WORKER_LEASE="1.5", MLXQ_BATCH_WINDOW="32"))


class Batch:
    """One that runs on this stack, polled through whatever happens to the web."""

    def __init__(self, stack: Stack, lines: dict[str, str]) -> None:
        self.url, self.lines = stack.url, lines
        body = {"model": "fake", "max_tokens": 3}
        data = "".join(
            json.dumps(
                {
                    "custom_id": name,
                    "method": "POST",
                    "url": URL,
                    "body": {**body, "messages": [{"role": "user", "content": text}]},
                }
            )
            + "\n"
            for name, text in lines.items()
        )
        with httpx.Client(base_url=self.url, timeout=30) as http:
            answer = http.post("/v1/files", files={"file": ("in.jsonl", data)}, data={"purpose": "batch"})
            made = {"input_file_id": answer.json()["id"], "endpoint": URL, "completion_window": "24h"}
            self.id = http.post("/v1/batches", json=made).json()["id"]

    def get(self, path: str) -> httpx.Response | None:
        try:
            found = httpx.get(f"{self.url}{path}", timeout=30)
        except httpx.TransportError:
            return None
        return found if found.status_code == 200 else None

    def seen(self) -> dict[str, Any]:
        found = eventually(lambda: self.get(f"/v1/batches/{self.id}"), every=0.1)
        seen: dict[str, Any] = found.json()
        return seen

    def goes_on(self, by: int = 10) -> None:
        """Wait until so many more lines are done."""
        done = self.seen()["request_counts"]
        want = min(done["completed"] + done["failed"] + by, len(self.lines) - 1)
        eventually(
            lambda: sum(map(self.seen()["request_counts"].get, ("completed", "failed"))) >= want, within=90, every=0.1
        )  # type: ignore[arg-type]

    def ended(self) -> dict[str, Any]:
        eventually(lambda: self.seen()["status"] in ENDED, within=120, every=0.1)
        return self.seen()

    def told(self, file_id: str | None) -> dict[str, dict[str, Any]]:
        if file_id is None:
            return {}
        found = self.get(f"/v1/files/{file_id}/content")
        assert found is not None
        lines = [json.loads(line) for line in found.text.splitlines()]
        by_id = {line["custom_id"]: line for line in lines}
        assert len(by_id) == len(lines), "a line stands twice"
        return by_id


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def family(pid: int) -> list[int]:
    process = psutil.Process(pid)
    return [one.pid for one in (process, *process.children(recursive=True))]


def test_whatever_is_killed_each_line_is_answered_once(stack: Stack, valkey_of_its_own: Valkey) -> None:
    batch = Batch(stack, {f"r{number}": f"w{number}x" for number in range(200)})
    store = stores.connect(stack.settings)
    batch.goes_on()

    (worker,) = eventually(lambda: Presence(store).workers("fake"))
    kill(worker.pid)
    batch.goes_on()

    kill(stack.runner.pid)
    stack.runner.wait()
    stack.runner.stop()
    stack.start_runner()
    batch.goes_on()

    kill(*family(stack.web.pid))
    stack.web.wait()
    stack.web.stop()
    stack.start_web()
    batch.goes_on()

    valkey_of_its_own.kill()
    valkey_of_its_own.start()
    batch.goes_on()

    kill(stack.supervisor.pid)
    stack.supervisor.wait()
    stack.supervisor.stop()
    stack.start_supervisor()
    batch.goes_on()

    assert batch.seen()["status"] == "in_progress"
    kill(stack.runner.pid, *family(stack.web.pid), stack.supervisor.pid)  # as when the machine is switched off
    valkey_of_its_own.kill()
    for process in (stack.runner, stack.web, stack.supervisor):
        process.wait()
        process.stop()
    valkey_of_its_own.start()
    stack.start_supervisor()
    stack.start_web()
    stack.start_runner()

    found = batch.ended()
    assert found["status"] == "completed"
    assert found["request_counts"] == {"total": 200, "completed": 200, "failed": 0}
    output = batch.told(found["output_file_id"])
    texts = {name: line["response"]["body"]["choices"][0]["message"]["content"] for name, line in output.items()}
    assert texts == {name: "".join(f"{text}{word} " for word in (1, 2, 3)) for name, text in batch.lines.items()}
    assert found["error_file_id"] is None and found["usage"]["output_tokens"] == 600
    eventually(lambda: not store.redis.keys("*:job:*") and not store.redis.keys("*:inflight:*"))
    store.redis.close()


def test_a_line_that_kills_its_worker_is_set_aside_and_the_rest_goes_on(stack: Stack) -> None:
    lines = {f"r{number}": ("die" if number in (7, 40) else f"w{number}x") for number in range(60)}
    batch = Batch(stack, lines)
    found = batch.ended()
    assert (found["status"], found["request_counts"]) == ("completed", {"total": 60, "completed": 58, "failed": 2})
    errors = batch.told(found["error_file_id"])
    assert {name: line["response"]["status_code"] for name, line in errors.items()} == {"r7": 500, "r40": 500}
    assert {line["response"]["body"]["error"]["code"] for line in errors.values()} == {"poison"}
    assert set(batch.told(found["output_file_id"])) == set(lines) - set(errors)


def test_a_model_that_is_away_holds_up_no_other_batch(stack: Stack) -> None:
    """Its lines fill the window of a batch that came first and alone."""
    store = stores.connect(stack.settings)
    (worker,) = eventually(lambda: Presence(store).workers("fake"))
    batch = Batch(stack, {f"r{number}": f"w{number}x" for number in range(60)})
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        body = {"model": "other", "max_tokens": 3, "messages": [{"role": "user", "content": "w"}]}
        data = "".join(
            json.dumps({"custom_id": str(number), "method": "POST", "url": URL, "body": body}) + "\n"
            for number in range(40)
        )
        with httpx.Client(base_url=stack.url, timeout=30) as http:
            file = http.post("/v1/files", files={"file": ("in.jsonl", data)}, data={"purpose": "batch"}).json()["id"]
            made = {"input_file_id": file, "endpoint": URL, "completion_window": "1h"}
            other = http.post("/v1/batches", json=made).json()["id"]
            eventually(lambda: http.get(f"/v1/batches/{other}").json()["status"] == "completed")
            assert batch.seen()["status"] == "in_progress"
    finally:
        os.kill(worker.pid, signal.SIGCONT)
    assert batch.ended()["request_counts"]["completed"] == 60
    store.redis.close()

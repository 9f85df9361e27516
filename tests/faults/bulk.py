"""Batches that run while processes are killed, people who ask meanwhile, and what became of both."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import httpx
import psutil

from tasks.batches.lines import line_job
from tasks.processes.presence import Presence
from tasks.redis import store as stores
from tests.faults.clients import CHAT
from tests.support.servers import PATIENCE, Stack, Valkey, eventually

ENDED = ("completed", "failed", "expired", "cancelled")
LOST = "connection lost"
HUNG = "hung"
Body = Mapping[str, Any]


class Account(NamedTuple):
    """What stands in a batch's two files; `poison` are those of the errors that tell of it.

    `miscounted` is by how much the batch's own counts are wrong.
    """

    lines: int = 0
    done: int = 0
    errors: int = 0
    poison: int = 0
    doubled: int = 0
    missing: int = 0
    miscounted: int = 0

    def __add__(self, other: object) -> Account:
        assert isinstance(other, Account)
        return Account(*map(sum, zip(self, other, strict=True)))


class Batch:
    """One that runs on a stack, polled through whatever happens to the web."""

    def __init__(self, url: str, endpoint: str, bodies: Mapping[str, Body]) -> None:
        self.url, self.endpoint, self.bodies = url, endpoint, bodies
        call = {"method": "POST", "url": endpoint}
        lines = [json.dumps({"custom_id": name, **call, "body": body}) for name, body in bodies.items()]
        with httpx.Client(base_url=url, timeout=PATIENCE) as http:
            file = {"file": ("in.jsonl", "\n".join(lines))}
            input_file = http.post("/v1/files", files=file, data={"purpose": "batch"}).json()["id"]
            made = {"input_file_id": input_file, "endpoint": endpoint, "completion_window": "24h"}
            self.id = http.post("/v1/batches", json=made).json()["id"]

    def get(self, path: str) -> httpx.Response | None:
        try:
            found = httpx.get(f"{self.url}{path}", timeout=PATIENCE)
        except httpx.TransportError:
            return None
        return found if found.status_code == 200 else None

    def seen(self) -> dict[str, Any]:
        found = eventually(lambda: self.get(f"/v1/batches/{self.id}"), every=0.1)
        seen: dict[str, Any] = found.json()
        return seen

    def done(self) -> int:
        counts = self.seen()["request_counts"]
        return int(counts["completed"] + counts["failed"])

    def ended(self, within: float = 120) -> dict[str, Any]:
        eventually(lambda: self.seen()["status"] in ENDED, within, every=0.1)
        return self.seen()

    def records(self, file_id: str | None) -> list[dict[str, Any]]:
        """The lines of one of its files."""
        if file_id is None:
            return []
        found = eventually(lambda: self.get(f"/v1/files/{file_id}/content"), every=0.1)
        return [json.loads(line) for line in found.text.splitlines()]

    def told(self, file_id: str | None) -> dict[str, dict[str, Any]]:
        """The lines of one of its files by their ids, of which none may stand twice."""
        records = self.records(file_id)
        by_id = {record["custom_id"]: record for record in records}
        assert len(by_id) == len(records), "a line stands twice"
        return by_id

    def account(self) -> Account:
        """What its files hold once it has ended."""
        seen = self.seen()
        output, errors = self.records(seen["output_file_id"]), self.records(seen["error_file_id"])
        times = Counter(record["custom_id"] for record in [*output, *errors])
        counts, right = seen["request_counts"], (len(self.bodies), len(output), len(errors))
        told = (counts["total"], counts["completed"], counts["failed"])
        return Account(
            *right,
            poison=sum(code(record) == "poison" for record in errors),
            doubled=sum(count > 1 for count in times.values()),
            missing=len(self.bodies.keys() - times.keys()),
            miscounted=sum(abs(one - other) for one, other in zip(told, right, strict=True)),
        )


def code(record: Mapping[str, Any]) -> str | None:
    """The code of the error that a line's record tells of, if it does."""
    error = ((record["response"] or {}).get("body") or {}).get("error") or record["error"]
    return str(error["code"]) if error else None


def go_on(batches: Sequence[Batch], by: int) -> None:
    """Wait until so many more lines are done."""
    most = sum(len(batch.bodies) for batch in batches)
    want = min(sum(batch.done() for batch in batches) + by, most)
    eventually(lambda: sum(batch.done() for batch in batches) >= want, every=0.1)


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def family(pid: int) -> list[int]:
    process = psutil.Process(pid)
    return [one.pid for one in (process, *process.children(recursive=True))]


class Faults:
    """Kills what a stack is made of, and starts it again as its manager would."""

    def __init__(self, stack: Stack, valkey: Valkey) -> None:
        self._stack, self._valkey = stack, valkey
        self.store = stores.connect(stack.settings)
        self.kills: Counter[str] = Counter()
        self.outages: list[tuple[float, float]] = []  # of the web, in monotonic seconds

    def close(self) -> None:
        self.store.redis.close()

    def worker(self, model: str) -> bool:
        """Kill a model's worker, which its supervisor starts again; False when there is none."""
        killed = False
        for worker in Presence(self.store).workers(model):
            with suppress(psutil.NoSuchProcess):  # its lease outlives it
                process = psutil.Process(worker.pid)
                if worker.id in process.cmdline():
                    process.kill()
                    killed = True
        self.kills[f"worker {model}"] += killed
        return killed

    def supervisor(self) -> None:
        kill(self._stack.supervisor.pid)
        self._stack.supervisor.wait()
        self._stack.supervisor.stop()
        self._stack.start_supervisor()
        self.kills["supervisor"] += 1

    def runner(self) -> None:
        kill(self._stack.runner.pid)
        self._stack.runner.wait()
        self._stack.runner.stop()
        self._stack.start_runner()
        self.kills["runner"] += 1

    def web(self) -> None:
        began = time.monotonic()
        kill(*family(self._stack.web.pid))
        self._stack.web.wait()
        self._stack.web.stop()
        self._stack.start_web()
        eventually(self._answers, every=0.1)
        self.outages.append((began, time.monotonic()))
        self.kills["web"] += 1

    def _answers(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self._stack.url}/health", timeout=PATIENCE).is_success
        return False

    def redis(self) -> None:
        self._valkey.kill()
        self._valkey.start()
        self.kills["redis"] += 1

    def left(self, batch: Batch) -> list[str]:
        """What Redis still holds of a batch's lines."""
        keys = self.store.keys
        names = [keys.job(line_job(batch.id, number)) for number in range(1, len(batch.bodies) + 1)]
        names.append(keys.inflight(batch.id))
        with self.store.redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.exists(name)
            return [name for name, exists in zip(names, pipe.execute(), strict=True) if exists]


class Asked(NamedTuple):
    """A stream that somebody asked for: when, in monotonic seconds, and how it ended."""

    began: float
    ended: float
    outcome: str  # "ok", HUNG, LOST, an error's status and code, or what else it was


class People:
    """Some who ask for one stream after the other, as long as they are let."""

    def __init__(self, url: str, body: Body, count: int = 8, patience: float = 180) -> None:
        self._url, self._body, self._patience = url, {**body, "stream": True}, patience
        self.asked: list[Asked] = []
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let all end what they hear; who does not is counted as hung."""
        self._stopped.set()
        until = time.monotonic() + self._patience
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                self.asked.append(Asked(until - self._patience, until, HUNG))

    def outcomes(self) -> Counter[str]:
        return Counter(asked.outcome for asked in self.asked)

    def improper(self, outages: Sequence[tuple[float, float]]) -> list[Asked]:
        """The streams that ended neither well nor as a kill may end them; a connection is lost with the web only."""

        def proper(asked: Asked) -> bool:
            if asked.outcome == LOST:
                return any(asked.began < until and since < asked.ended for since, until in outages)
            return asked.outcome in ("ok", "200 worker_lost") or asked.outcome.startswith("503 ")

        return [asked for asked in self.asked if not proper(asked)]

    def _run(self) -> None:
        with httpx.Client(
            base_url=self._url, timeout=PATIENCE, limits=httpx.Limits(max_keepalive_connections=0)
        ) as http:
            while not self._stopped.is_set():
                began = time.monotonic()
                outcome = self._outcome(http, began + self._patience)
                self.asked.append(Asked(began, time.monotonic(), outcome))
                if outcome != "ok":
                    self._stopped.wait(0.25)

    def _outcome(self, http: httpx.Client, until: float) -> str:
        try:
            with http.stream("POST", CHAT, json=self._body) as response:
                if response.status_code != 200:
                    return f"{response.status_code} {json.loads(response.read())['error']['code']}"
                return self._heard(response, until)
        except httpx.TimeoutException:
            return HUNG
        except httpx.TransportError:
            return LOST

    def _heard(self, response: httpx.Response, until: float) -> str:
        failure = ""
        for line in response.iter_lines():
            if time.monotonic() > until:
                return HUNG
            if line == "data: [DONE]":
                return failure or "ok"
            if line.startswith("data: ") and "error" in (chunk := json.loads(line[6:])):
                failure = f"200 {chunk['error']['code']}"
        return failure or "ended amid its answer"

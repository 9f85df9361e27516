"""Many clients at once, and what each of them got."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from tasks.processes.presence import Presence
from tasks.redis import store as stores
from tasks.values import events
from tasks.values.job import Record, Status
from tests.support.servers import PATIENCE, Stack, eventually

CHAT = "/v1/chat/completions"


def body(text: str = "word", tokens: int = 50, **more: Any) -> dict[str, Any]:
    return {"model": "fake", "messages": [{"role": "user", "content": text}], "max_tokens": tokens, **more}


def expected(text: str, tokens: int) -> str:
    return "".join(f"{text}{number} " for number in range(1, tokens + 1))


@dataclass
class Call:
    """One call of one client, from its own thread."""

    thread: threading.Thread | None = None
    job_id: str = ""
    status: int = 0
    text: str = ""
    error: dict[str, Any] | None = None
    broken: bool = False  # the connection ended before the answer did
    hung: bool = False  # nothing came for as long as the client waits
    done: bool = False
    chunks: list[str] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.thread is not None and not self.thread.is_alive()

    def wait(self, within: float = PATIENCE) -> Call:
        assert self.thread is not None
        self.thread.join(within)
        assert not self.thread.is_alive(), "the call hangs"
        return self


class Clients:
    def __init__(self, stack: Stack, patience: float = PATIENCE) -> None:
        self.stack = stack
        # None is kept: one that the server closes at its time of idleness, just as a request comes, proves nothing.
        limits = httpx.Limits(max_connections=600, max_keepalive_connections=0)
        self.http = httpx.Client(base_url=stack.url, timeout=patience, limits=limits)
        self.store = stores.connect(stack.settings)

    def close(self) -> None:
        self.http.close()
        self.store.redis.close()

    def stream(self, text: str, tokens: int = 50, **headers: str) -> Call:
        return self._start(self._stream, body(text, tokens, stream=True), headers)

    def call(self, text: str, tokens: int = 50, **headers: str) -> Call:
        return self._start(self._call, body(text, tokens), headers)

    def _start(self, target: Any, request: dict[str, Any], headers: dict[str, str]) -> Call:
        call = Call()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        call.thread = threading.Thread(target=self._guarded, args=(target, call, request, named), daemon=True)
        call.thread.start()
        return call

    def _guarded(self, target: Any, call: Call, request: dict[str, Any], headers: dict[str, str]) -> None:
        try:
            target(call, request, headers)
        except httpx.TimeoutException:
            call.hung = True
        except httpx.TransportError:
            call.broken = True

    def _stream(self, call: Call, request: dict[str, Any], headers: dict[str, str]) -> None:
        with self.http.stream("POST", CHAT, json=request, headers=headers) as response:
            call.status, call.job_id = response.status_code, response.headers.get("x-job-id", "")
            if response.status_code != 200:
                call.error = json.loads(response.read())["error"]
                return
            for line in response.iter_lines():
                if line == "data: [DONE]":
                    call.done = True
                elif line.startswith("data: "):
                    self._chunk(call, json.loads(line[6:]))

    def _chunk(self, call: Call, chunk: dict[str, Any]) -> None:
        if "error" in chunk:
            call.error = chunk["error"]
            return
        for choice in chunk["choices"]:
            if text := choice["delta"].get("content"):
                call.chunks.append(text)
                call.text += text

    def _call(self, call: Call, request: dict[str, Any], headers: dict[str, str]) -> None:
        response = self.http.post(CHAT, json=request, headers=headers)
        call.status, call.job_id = response.status_code, response.headers.get("x-job-id", "")
        answer = response.json()
        call.error = answer.get("error")
        if call.error is None:
            call.text = answer["choices"][0]["message"]["content"]

    def submit(self, text: str, tokens: int = 50, **headers: str) -> str:
        """A job polled later; its id."""
        response = self.http.post(CHAT, json=body(text, tokens), headers={"Prefer": "respond-async", **headers})
        assert response.status_code == 202, response.text
        return str(response.json()["id"])

    def record(self, job_id: str) -> Record:
        record = self.store.find(job_id)
        assert record is not None
        return record

    def began(self, job_id: str) -> bool:
        return self.record(job_id).status is Status.RUNNING

    def ended(self, job_id: str, within: float = PATIENCE) -> Record:
        return eventually(lambda: self.record(job_id) if self.record(job_id).status.terminal else None, within)

    def events(self, job_id: str) -> Iterator[events.Event]:
        for _, fields in self.store.redis.xrange(self.store.keys.events(job_id)):
            yield events.decode(fields[b"e"])

    def terminals(self, job_id: str) -> int:
        return sum(isinstance(event, events.TERMINAL) for event in self.events(job_id))

    def worker_pid(self, model: str = "fake") -> int:
        (worker,) = eventually(lambda: Presence(self.store).workers(model))
        return int(worker.pid)

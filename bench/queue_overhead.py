"""`python -m bench.queue_overhead`: what the whole hop adds to an engine's own time.

HTTP in → web → Redis and Celery → worker → fake engine → event stream → first byte out, against the same fake engine
called in process. Everything, the load generator included, shares this machine.
"""

from __future__ import annotations

import http.client
import json
import queue
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mlxq.catalogue import ModelEntry
from mlxq.settings import Settings
from tasks.events import Done
from tasks.job import Job, Lane, job_id
from tasks.requests import ChatRequest, Message
from tests.servers import Stack, Valkey, fake
from workers.engines import fake as fake_engine

STEP_MS = 20.0
TOKENS = 256
STREAMS = (1, 8, 32)
PROBES = 100  # calls that join a running batch, for the latency
_BODY = {"model": "fake", "messages": [{"role": "user", "content": "word"}], "stream": True}


@dataclass
class Stream:
    """One streamed answer: when it was asked for, and when each piece of text came, in seconds."""

    asked: float = 0.0
    heard: list[float] = field(default_factory=list)


def request(tokens: int) -> Job:
    """A job for the fake engine."""
    clock = time.time_ns() // 1000
    now = clock // 1000
    return Job(
        id=job_id(clock), owner="bench", model="fake", endpoint="", created=now, deadline=now, lane=Lane.INTERACTIVE,
        keep=0, payload=ChatRequest((Message("user", "word"),), max_tokens=tokens),
    )  # fmt: skip


def engine() -> fake_engine.FakeEngine:
    """The fake engine, in this process."""
    entry = ModelEntry("fake", "none", "fake", batch_completion_size=32, options={"step_ms": STEP_MS})
    return fake_engine.load(entry, Settings())


def own_throughput(streams: int) -> float:
    """Tokens/s of the engine alone."""
    alone, done, spoken = engine(), 0, 0
    for number in range(streams):
        alone.admit(str(number), alone.check(request(TOKENS)))
    began = time.perf_counter()
    while done < streams:
        produced = alone.step()
        ended = sum(isinstance(event, Done) for _, event in produced)
        done += ended
        spoken += len(produced) - ended
    return spoken / (time.perf_counter() - began)


def own_latency(streams: int) -> list[float]:
    """Milliseconds from a call to its first token when it joins the engine's running batch at any moment."""
    alone, inbox, heard = engine(), queue.SimpleQueue[str](), dict[str, float]()
    for number in range(streams - 1):
        alone.admit(f"long{number}", alone.check(request(1_000_000)))
    stopped = threading.Event()

    def run() -> None:
        while not stopped.is_set():
            name = inbox.get() if streams == 1 else None
            while name is not None or not inbox.empty():
                name = name or inbox.get()
                alone.admit(name, alone.check(request(1)))
                name = None
            for row, _ in alone.step():
                heard.setdefault(row, time.perf_counter())

    thread = threading.Thread(target=run)
    thread.start()
    waited = []
    for number in range(PROBES):
        time.sleep(STEP_MS / 1000 * (1 + random.random()))
        asked, name = time.perf_counter(), f"probe{number}"
        inbox.put(name)
        while name not in heard:
            time.sleep(0.0005)
        waited.append((heard[name] - asked) * 1000)
    stopped.set()
    inbox.put("last")
    thread.join()
    return sorted(waited)


def stream(
    port: int,
    tokens: int,
    connection: http.client.HTTPConnection | None = None,
    stopped: threading.Event | None = None,
) -> Stream:
    """One streamed call, left early when `stopped` is set."""
    heard = Stream()
    connection = connection or http.client.HTTPConnection("127.0.0.1", port)
    body = json.dumps({**_BODY, "max_tokens": tokens})
    heard.asked = time.perf_counter()
    connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    if response.status != 200:
        sys.exit(f"status {response.status}: {response.read()!r}")
    while line := response.readline():
        heard.heard += [time.perf_counter()] * line.count(b"word")  # several in a chunk where the queue falls behind
        if stopped is not None and stopped.is_set():
            connection.close()
            break
    return heard


def at_once(streams: int, call: Callable[[], list[Stream]]) -> list[Stream]:
    """What so many clients heard, each in a thread of its own."""
    found: list[Stream] = []
    threads = [threading.Thread(target=lambda: found.extend(call())) for _ in range(streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def latency(port: int, streams: int) -> list[float]:
    """Milliseconds until the first token of calls that join while all the other streams run."""
    stopped = threading.Event()

    def background() -> None:
        while not stopped.is_set():
            stream(port, TOKENS, stopped=stopped)

    threads = [threading.Thread(target=background) for _ in range(streams - 1)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    connection, waited = http.client.HTTPConnection("127.0.0.1", port), []
    for _ in range(PROBES):
        time.sleep(STEP_MS / 1000 * (1 + random.random()))
        heard = stream(port, 1, connection)
        waited.append((heard.heard[0] - heard.asked) * 1000)
    stopped.set()
    for thread in threads:
        thread.join()
    return sorted(waited)


def throughput(port: int, streams: int) -> float:
    """Tokens/s while all streams run: from the last one's first token to the first one's last."""
    heard = at_once(streams, lambda: [stream(port, TOKENS)])
    since, until = max(one.heard[0] for one in heard), min(one.heard[-1] for one in heard)
    spoken = sum(since < moment <= until for one in heard for moment in one.heard)
    return spoken / (until - since)


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> None:
    """Start a stack, measure, print."""
    table = Table(title=f"Whole hop with a fake engine, {STEP_MS:g} ms a step, {TOKENS} tokens a stream")
    for column in ("streams", "added p50 ms", "added p99 ms", "tokens/s", "in process", "ratio"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        valkey = Valkey(Path(folder))
        stack = Stack(valkey, Path(folder) / "stack", [fake(step_ms=STEP_MS)], db=0)
        try:
            stack.ready()
            at_once(8, lambda: [stream(stack.port, 2)])  # the first calls open connections
            for streams in STREAMS:
                own, hop = own_latency(streams), latency(stack.port, streams)
                added = [f"{_at(hop, share) - _at(own, share):.1f}" for share in (0.5, 0.99)]
                alone, rate = own_throughput(streams), throughput(stack.port, streams)
                table.add_row(str(streams), *added, f"{rate:.0f}", f"{alone:.0f}", f"{rate / alone:.1%}")
        finally:
            stack.stop()
            valkey.stop()
    Console(width=100).print(table)


if __name__ == "__main__":
    main()

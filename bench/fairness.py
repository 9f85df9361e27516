"""`python -m bench.fairness [fake] [text] [jobs]`: what people feel of a batch, and the batch of people.

Over HTTP, with the fake engine and with SmolLM2: the time to the first token of streamed chats, one after the other,
alone and while a batch of 10,000 lines runs; and the lines that the batch gets done in a second, alone and meanwhile.
With `jobs` it is 1,000 single jobs instead. All of it, the clients included, shares this machine.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx
from openai import OpenAI
from redis import Redis
from rich.console import Console
from rich.table import Table

from bench.stacks import served
from bench.summary import percentile
from tasks.redis.keys import Keys
from tasks.values.job import Lane
from tests.support import starter
from tests.support.servers import Stack, eventually, fake

TEXT = "smollm2-135m-instruct"
LINES, JOBS = 10_000, 1000
TOPICS = ("a fox", "the sea", "an old clock", "two sisters", "a storm", "the last train", "a garden", "a liar")


class Kind(NamedTuple):
    """An engine's model, tokens of a chat and of a line, chats that are timed, and seconds of the batch alone."""

    model: dict[str, Any]
    chat: int
    line: int
    chats: int
    seconds: float


@dataclass
class Load:
    """Bulk work on a stack: how it is started, how many lines of it are done, and how it ends."""

    stack: Stack
    client: OpenAI
    body: Callable[[int], dict[str, Any]]

    def start(self) -> None:
        """A batch of all the lines."""
        lines = (
            {"custom_id": str(number), "method": "POST", "url": "/v1/chat/completions", "body": self.body(number)}
            for number in range(LINES)
        )
        text = "".join(json.dumps(line) + "\n" for line in lines)
        uploaded = self.client.files.create(file=("lines.jsonl", text.encode()), purpose="batch")
        self._batch = self.client.batches.create(
            input_file_id=uploaded.id, endpoint="/v1/chat/completions", completion_window="24h"
        )

    def done(self) -> int:
        """Lines that are done."""
        counts = self.client.batches.retrieve(self._batch.id).request_counts
        return counts.completed if counts else 0


class Jobs(Load):
    """As many lines as a queue takes, each a job."""

    def start(self) -> None:
        self._redis = Redis.from_url(self.stack.settings.redis_url)
        with httpx.Client(base_url=self.stack.url, timeout=60) as http:
            for number in range(JOBS):
                job = {"url": "/v1/chat/completions", "body": self.body(number)}
                http.post("/v1/jobs", json=job).raise_for_status()

    def done(self) -> int:
        """Jobs that have begun: in the long run as many as are done."""
        queued = Keys(self.stack.settings.namespace).queued(self.stack.names[0], Lane.JOBS)
        return JOBS - int(self._redis.zcard(queued))


def first_token(client: OpenAI, body: dict[str, Any]) -> float:
    """Milliseconds to a chat's first text; waits for its end."""
    began, first = time.perf_counter(), 0.0
    for chunk in client.chat.completions.create(**body, stream=True):
        if not first and chunk.choices and chunk.choices[0].delta.content:
            first = time.perf_counter() - began
    return 1000 * first


def chats(client: OpenAI, bodies: Iterator[dict[str, Any]], number: int) -> list[float]:
    """Milliseconds to the first token of so many chats of somebody who reads and thinks in between."""
    found = []
    for body in itertools.islice(bodies, number):
        time.sleep(random.uniform(0.1, 0.5))
        found.append(first_token(client, body))
    return found


def rate(load: Load, meanwhile: Callable[[], Any]) -> tuple[float, Any]:
    """Lines a second while something else happens, and what came of that."""
    before, began = load.done(), time.perf_counter()
    found = meanwhile()
    return (load.done() - before) / (time.perf_counter() - began), found


def measured(kind: Kind, load_type: type[Load]) -> tuple[list[float], list[float], float, float]:
    """Times of chats alone and beside the batch, and lines a second of the batch alone and beside them."""
    name = kind.model["served_model_name"]

    def body(number: int, tokens: int, verb: str) -> dict[str, Any]:
        question = f"{verb} {TOPICS[number % len(TOPICS)]}, number {number}."
        return {"model": name, "messages": [{"role": "user", "content": question}], "max_tokens": tokens}

    asked = (body(number, kind.chat, "Tell me about") for number in itertools.count())
    with (
        served([kind.model], MLXQ_LOG_LEVEL="WARNING") as stack,
        OpenAI(base_url=f"{stack.url}/v1", api_key="none") as client,
    ):
        chats(client, asked, 5)  # the first calls open connections
        alone = chats(client, asked, kind.chats)
        load = load_type(stack, client, lambda number: body(number, kind.line, "Write a story about"))
        load.start()
        eventually(lambda: load.done() > 64, within=120, every=0.5)
        by_itself, _ = rate(load, lambda: time.sleep(kind.seconds))
        chats(client, asked, 3)
        beside, company = rate(load, lambda: chats(client, asked, kind.chats))
    return alone, company, by_itself, beside


def main() -> None:
    """Measure and print."""
    kinds = {
        "fake": Kind(fake(step_ms=20), 8, 32, 60, 15.0),
        "text": Kind({"model_path": str(starter.folder(TEXT)), "served_model_name": TEXT}, 8, 32, 40, 25.0),
    }
    words = set(sys.argv[1:])
    table = Table("engine", "", "alone", "together", "ratio")
    for name, kind in kinds.items():
        if words & kinds.keys() and name not in words:
            continue
        alone, company, by_itself, beside = measured(kind, Jobs if "jobs" in words else Load)
        for label, share in (("first token, p50", 0.5), ("first token, p95", 0.95)):
            own, other = percentile(alone, share), percentile(company, share)
            table.add_row(name, label, f"{own:.0f} ms", f"{other:.0f} ms", f"{other / own:.2f}")
        table.add_row(name, "batch", f"{by_itself:.1f} lines/s", f"{beside:.1f} lines/s", f"{beside / by_itself:.2f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()

"""A batch through `/v1/files` and `/v1/batches`, from its creation until it is `completed`, by itself; in process,
the same texts in batches of 32, the same chats in one running batch of 32 rows. Lines ÷ seconds.
"""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from bench.report import ceilings, ours, weights
from bench.report.benchmarks import embeddings, text
from bench.report.chats import Chat
from bench.report.measurement import IN_PROCESS, LINES, OURS, Measurement
from bench.report.plan import Plan
from tests.support.servers import eventually

TOKENS = 16
CHAT, EMBEDDINGS = "/v1/chat/completions", "/v1/embeddings"
ENDED = {"completed", "failed", "expired", "cancelled"}


@dataclass(frozen=True)
class Case:
    """So many lines of a kind, and how few are enough to see that it works."""

    title: str
    url: str
    lines: int
    quick: int


CASES = {
    "embeddings": Case("embeddings, a text a line", EMBEDDINGS, 400, 32),
    "chats": Case(f"chats of {TOKENS} tokens", CHAT, 48, 4),
}


@dataclass(frozen=True)
class Batches:
    """Ours over HTTP."""

    name: str
    url: str

    def run(self, case: Case, made: Sequence[Any]) -> float:
        """Seconds until all lines are done; raises RuntimeError when one is not."""
        lines = (
            {"custom_id": str(number), "method": "POST", "url": case.url, "body": _body(one)}
            for number, one in enumerate(made)
        )
        data = "".join(json.dumps(line) + "\n" for line in lines).encode()
        with httpx.Client(base_url=self.url, timeout=60) as http:
            sent = http.post("/v1/files", files={"file": ("lines.jsonl", data)}, data={"purpose": "batch"}).json()
            began = time.perf_counter()
            body = {"input_file_id": sent["id"], "endpoint": case.url, "completion_window": "24h"}
            batch = http.post("/v1/batches", json=body).json()["id"]

            def ended() -> dict[str, Any] | None:
                seen: dict[str, Any] = http.get(f"/v1/batches/{batch}").json()
                return seen if seen["status"] in ENDED else None

            seen = eventually(ended, 900, every=0.1)
            took = time.perf_counter() - began
        if seen["request_counts"]["completed"] != len(made):
            raise RuntimeError(f"a batch ended with {seen['request_counts']}")
        return took


class Libraries:
    """What the libraries do with the same lines."""

    name = IN_PROCESS

    def __init__(self) -> None:
        self._generator, self._encoder = ceilings.Generator(), ceilings.Encoder()

    def run(self, case: Case, made: Sequence[Any]) -> float:
        """Seconds for all lines."""
        began = time.perf_counter()
        if case.url == CHAT:
            self._generator.chats(made)
        else:
            for at in range(0, len(made), ceilings.ROWS):
                self._encoder.vectors(made[at : at + ceilings.ROWS])
        return time.perf_counter() - began


def _body(one: Chat | str) -> dict[str, Any]:
    if isinstance(one, str):
        return {"model": weights.VECTORS, "input": one}
    return {"model": weights.TEXT, "messages": one.messages, "max_tokens": one.tokens, "temperature": 0}


@contextmanager
def _ours() -> Iterator[Batches]:
    with ours.ours(weights.TEXT, weights.VECTORS) as server:
        yield Batches(OURS, server.url)


@contextmanager
def _libraries() -> Iterator[Libraries]:
    yield Libraries()


def _lines(case: Case, number: int, chance: random.Random) -> list[Any]:
    if case.url == EMBEDDINGS:
        return list(itertools.islice(embeddings.texts_of(chance), number))
    return text.Case("", number, TOKENS).chats(chance)


def measure(plan: Plan) -> Iterator[Measurement]:
    """Both kinds of line."""
    makers: list[tuple[str, Callable[[], Any]]] = [(OURS, _ours), (IN_PROCESS, _libraries)]
    with ExitStack() as entered:
        systems = plan.start(entered, makers)
        cases = plan.cases("batches", CASES)
        for case, system in itertools.product(cases, systems):
            system.run(case, _lines(case, 4, random.Random("warm")))
        for case in cases:
            for number, system in plan.turns(systems):
                made = _lines(case, case.quick if plan.quick else case.lines, random.Random(f"{case.title} {number}"))
                yield Measurement("batches", case.title, LINES, system.name, number, len(made) / system.run(case, made))

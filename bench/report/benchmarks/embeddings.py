"""Clients that ask for one text of about 25 words a call, one call after the other, over connections that they keep:
all-MiniLM-L6-v2, texts ÷ seconds.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from bench.report import ceilings, ours, peers, weights
from bench.report.benchmarks.text import WORDS
from bench.report.chats import Embedder
from bench.report.measurement import CALL_P50, IN_PROCESS, OURS, TEXTS, Measurement
from bench.report.plan import Plan
from bench.summary import percentile


@dataclass(frozen=True)
class Case:
    """So many clients with so many calls each."""

    title: str
    clients: int
    calls: int


CASES = {
    "1": Case("1 client", 1, 16),
    "16": Case("16 clients", 16, 6),
    "64": Case("64 clients", 64, 3),
}


def measure(plan: Plan) -> Iterator[Measurement]:
    """All cases with all systems, which are up side by side."""
    with ExitStack() as entered:
        systems: list[Embedder] = plan.start(
            entered,
            [
                (OURS, lambda: ours.ours(weights.VECTORS)),
                (peers.MLX_OPENAI_EMBEDDINGS.name, lambda: peers.MLX_OPENAI_EMBEDDINGS.started(embeds=True)),
                (peers.INFINITY.name, lambda: peers.INFINITY.started(embeds=True)),
                (IN_PROCESS, ceilings.encoder),
            ],
        )
        for system in systems:
            system.embed([["hello"]] * 4)
        for case in plan.cases("embeddings", CASES):
            for number, system in plan.turns(systems):
                chance = random.Random(f"{case.title} {number}")
                made = 2 if plan.quick else case.calls
                texts = [[text(chance) for _ in range(made)] for _ in range(case.clients)]
                began = time.perf_counter()
                try:
                    waited = system.embed(texts)
                except (OSError, EOFError) as error:
                    plan.absent[f"{system.name}, {case.title}"] = str(error)
                    continue
                took = time.perf_counter() - began
                yield Measurement("embeddings", case.title, TEXTS, system.name, number, len(waited) / took)
                p50 = 1000 * percentile(waited, 0.5)
                yield Measurement("embeddings", case.title, CALL_P50, system.name, number, p50)


def text(chance: random.Random) -> str:
    """A text that nobody has sent before."""
    return f"{chance.randrange(10**6)} {' '.join(chance.choices(WORDS, k=24))}"

"""Clients that ask for one text of about 25 words a call, one call after the other for five seconds, over connections
that they keep: all-MiniLM-L6-v2, texts ÷ seconds. In process, the texts of all clients are one batch each time.
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
    """So many clients at once; where `all` is not set, without mlx-openai-server, which has them wait for minutes."""

    title: str
    clients: int
    all: bool = True


SECONDS, QUICK_SECONDS = 5.0, 0.5
CASES = {"1": Case("1 client", 1), "16": Case("16 clients", 16), "64": Case("64 clients", 64, all=False)}
SLOW = peers.MLX_OPENAI_EMBEDDINGS.name


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
            system.embed([["hello"]] * 4, SECONDS)
        for case in plan.cases("embeddings", CASES):
            for number, system in plan.turns([one for one in systems if case.all or one.name != SLOW]):
                chance = random.Random(f"{case.title} {number}")
                texts = [texts_of(chance) for _ in range(case.clients)]
                began = time.perf_counter()
                try:
                    waited = system.embed(texts, QUICK_SECONDS if plan.quick else SECONDS)
                except (OSError, EOFError) as error:
                    plan.absent[f"{system.name}, {case.title}"] = str(error)
                    continue
                took = time.perf_counter() - began
                yield Measurement("embeddings", case.title, TEXTS, system.name, number, len(waited) / took)
                p50 = 1000 * percentile(waited, 0.5)
                yield Measurement("embeddings", case.title, CALL_P50, system.name, number, p50)


def texts_of(chance: random.Random) -> Iterator[str]:
    """Texts that nobody has sent before."""
    while True:
        yield f"{chance.randrange(10**6)} {' '.join(chance.choices(WORDS, k=24))}"

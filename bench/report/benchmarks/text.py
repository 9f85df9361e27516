"""Chats that arrive at the same moment, each with a prompt of about 50 tokens that nobody has sent before, where the
case says nothing else: SmolLM2-135M, tokens of all answers ÷ seconds from the first request to the last token. With a
shared prefix, 800 tokens of the prompt are in the server's prompt cache. Seeded chats draw at temperature 0.8, guided
ones are held to a JSON schema, all others are greedy.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from bench.client import Heard
from bench.report import ceilings, ours, peers, weights
from bench.report.chats import Chat, Speaker
from bench.report.measurement import FIRST_P50, FIRST_P95, GAP, IN_PROCESS, LOST, MEMORY, OURS, TOKENS, Measurement
from bench.report.plan import Plan
from bench.summary import percentile

SUBJECTS = ("a fox", "the sea", "an old clock", "two sisters", "a storm", "the last train", "a garden", "a liar")
WORDS = ("river", "stone", "window", "garden", "winter", "letter", "music", "table", "summer", "bridge", "paper")
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 20}, "size": {"enum": ["small", "large"]}},
    "required": ["name", "size"],
    "additionalProperties": False,
}
QUICK_TOKENS, QUICK_STREAMS = 8, 8


@dataclass(frozen=True)
class Case:
    """So many chats at once with so many tokens of answer; `long` and `shared` count sentences of the prompts.

    `half` is what every other chat is: `seeded` or `guided`. Where `all` is not set, only ours, mlx-lm's server and
    what runs in process are measured.
    """

    title: str
    streams: int
    tokens: int
    long: int = 0
    shared: int = 0
    half: str = ""
    all: bool = True

    def chats(self, chance: random.Random) -> list[Chat]:
        """Chats that have not been asked before."""
        system = f"You write stories in which this is true. {_facts(chance, self.shared)}" if self.shared else None
        return [self._chat(chance, number, system) for number in range(self.streams)]

    def _chat(self, chance: random.Random, number: int, system: str | None) -> Chat:
        secret = chance.randrange(10**6)  # at the beginning, so that no cache knows the rest
        facts = f"{_facts(chance, self.long)} " if self.long else ""
        question = f"Story {secret}. {facts}Write a long story about {SUBJECTS[number % len(SUBJECTS)]}."
        more: dict[str, Any] = {}
        if self.half and number % 2:
            more = {"seed": secret} if self.half == "seeded" else {"schema": SCHEMA}
        return Chat(question, self.tokens, system, **more)


def _facts(chance: random.Random, number: int) -> str:
    """So many sentences of about ten tokens."""
    return " ".join("The {} is near the {} and the {}.".format(*chance.sample(WORDS, 3)) for _ in range(number))


CASES = {
    "1": Case("1 stream", 1, 24),
    "4": Case("4 streams", 4, 24, all=False),
    "8": Case("8 streams", 8, 24),
    "16": Case("16 streams", 16, 24, all=False),
    "32": Case("32 streams", 32, 16, all=False),
    "2-long": Case("2 streams, prompts of 1,000 tokens", 2, 16, long=95, all=False),
    "8-prefix": Case("8 streams, a shared prefix of 800 tokens", 8, 16, shared=80),
    "8-seeded": Case("8 streams, half of them seeded", 8, 24, half="seeded"),
    "8-guided": Case("8 streams, half of them guided", 8, 24, half="guided"),
}
MEMORY_CASE = "memory"
FEW = (OURS, peers.MLX_LM.name, IN_PROCESS)


def measure(plan: Plan) -> Iterator[Measurement]:
    """All cases with all systems, which are up side by side."""
    cases = [case for case in plan.cases("text", CASES) if not plan.quick or case.streams <= QUICK_STREAMS]
    with ExitStack() as entered:
        systems: list[Speaker] = plan.start(
            entered,
            [
                (OURS, lambda: ours.ours(weights.TEXT)),
                *((peer.name, peer.started) for peer in (peers.MLX_LM, peers.MLX_VLM, peers.MLX_OPENAI_SERVER)),
                (peers.LLAMA_CPP.name, peers.LLAMA_CPP.started),
                (IN_PROCESS, ceilings.generator),
            ],
        )
        for system in systems:  # kernels are compiled, connections open
            system.chats([Chat("Say hello.", 4), Chat("Say goodbye.", 4)])
        for case in cases:
            able = [one for one in systems if case.half not in one.lacks and (case.all or one.name in FEW)]
            for number, system in plan.turns(able):
                asked = case.chats(random.Random(f"{case.title} {number} {'quick' if plan.quick else ''}"))
                yield from _turn(plan, case, number, system, asked)
        if plan.cases("text", {MEMORY_CASE: MEMORY_CASE}):
            for system in systems:
                if (size := system.memory()) is not None:
                    yield Measurement("text", "after all of these", MEMORY, system.name, 0, size / 2**20)


def _turn(plan: Plan, case: Case, number: int, system: Speaker, asked: Sequence[Chat]) -> Iterator[Measurement]:
    if plan.quick:
        asked = [replace(one, tokens=QUICK_TOKENS) for one in asked]
    if case.shared:
        system.warm(asked[0])
        asked = [replace(one, question=f"And now: {one.question}") for one in asked]
    for metric, value in figures(system.chats(asked)).items():
        yield Measurement("text", case.title, metric, system.name, number, value)


def figures(heard: Sequence[Heard]) -> dict[str, float]:
    """What the chats of one moment came to; those that were not answered whole are lost, their tokens do not count."""
    whole = [one for one in heard if one.whole]
    found: dict[str, float] = {LOST: len(heard) - len(whole)}
    if spoke := [one for one in whole if one.pieces]:
        took = max(one.ended for one in whole) - min(one.asked for one in heard)
        first = [1000 * one.first for one in spoke]
        found[TOKENS] = sum(one.tokens for one in whole) / took
        found[FIRST_P50], found[FIRST_P95] = percentile(first, 0.5), percentile(first, 0.95)
        found[GAP] = 1000 * max((gap for one in spoke for gap in one.gaps), default=0.0)
    return found

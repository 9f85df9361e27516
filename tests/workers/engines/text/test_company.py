"""Whatever else is in the batch, a request gets the answer that it gets alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.workers.engines.rows import chat, job
from tests.workers.engines.text import tiny
from tests.workers.engines.text.company import OPTIONS, Answers, arrivals, differences, together

from tasks.job import Job  # isort: skip
from tasks.requests import CompletionRequest  # isort: skip

if TYPE_CHECKING:
    from workers.engines.lm import TextEngine

ROUNDS = 200
TOLERATED = 0.03  # of rounds may hold a decision too close to call


def rounds(
    number: int, alone: TextEngine, company: TextEngine, model: Any, make: Callable[[random.Random, str], Job]
) -> None:
    """Compare so many rounds of random requests in random order; prints how many were too close to call."""
    chance, known, close = random.Random(20), dict[str, Answers](), 0
    requests = {name: [make(chance, name) for _ in range(3)] for name in OPTIONS}
    for one in range(number):
        jobs = [chance.choice(requests[name]) for name in chance.sample(list(OPTIONS), chance.randrange(3, 8))]
        found = together(company, jobs, arrivals(chance, len(jobs)))
        excused = 0
        for asked, answers in zip(jobs, found, strict=True):
            if asked.id not in known:
                (known[asked.id],) = together(alone, [asked], [0])
            more, wrong = differences(alone, model, asked, known[asked.id], answers)
            assert not wrong, f"round {one}, {asked.payload}: {wrong}"
            excused += more
        close += bool(excused)
    print(f"{close} of {number} rounds held a decision too close to call")  # noqa: T201
    assert close <= TOLERATED * number


def test_in_two_hundred_rounds_on_a_tiny_model() -> None:
    model = tiny.model()

    def make(chance: random.Random, name: str) -> Job:
        prompt = tuple(chance.randrange(516) for _ in range(chance.choice((1, 5, 20, 90))))
        most = chance.randrange(1, 16)
        return job(CompletionRequest((prompt,), **{"max_tokens": most, **OPTIONS[name]}))

    rounds(ROUNDS, tiny.engine(model), tiny.engine(model), model, make)


def test_in_five_rounds_on_a_real_model(text_engine: TextEngine) -> None:
    questions = ["What is the capital of France?", "Name three colours.", "Write a sentence about the sea. " * 3]

    def make(chance: random.Random, name: str) -> Job:
        return chat(chance.choice(questions), **{"max_tokens": chance.randrange(4, 10), **OPTIONS[name]})

    rounds(5, text_engine, text_engine, text_engine._batch._model, make)

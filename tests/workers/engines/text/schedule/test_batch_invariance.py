"""Whatever else is in the batch, a request gets the answer that it gets alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tasks.values.job import Job, Lane
from tasks.values.requests import CompletionRequest
from tests.support.rounds import rounds
from tests.workers.engines.rows import chat, job
from tests.workers.engines.text import tiny
from tests.workers.engines.text.batch_invariance import OPTIONS, Answers, arrivals, differences, together
from tests.workers.engines.text.speculation.test_prompt_lookup import Bold, Free
from workers.engines.text.cache import kv
from workers.engines.text.cache.kv import Quantisation
from workers.engines.text.cache.prompt_cache import PromptCache
from workers.engines.text.cache.prompt_store import PromptStore

if TYPE_CHECKING:
    from workers.engines.lm import TextEngine

SOME = rounds(10, 200)
TOLERATED = 0.03  # of rounds may hold a decision too close to call


def compare(
    number: int,
    alone: TextEngine,
    company: TextEngine,
    model: Any,
    make: Callable[[random.Random, str], Job],
    pauses: random.Random | None = None,
) -> None:
    """Compare so many rounds of random requests in random order; prints how many were too close to call."""
    chance, known, close = random.Random(20), dict[str, Answers](), 0
    requests = {name: [make(chance, name) for _ in range(3)] for name in OPTIONS}
    for one in range(number):
        jobs = [chance.choice(requests[name]) for name in chance.sample(list(OPTIONS), chance.randrange(3, 8))]
        found = together(company, jobs, arrivals(chance, len(jobs)), pauses)
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


def completion(chance: random.Random, name: str) -> Job:
    prompt = tuple(chance.randrange(516) for _ in range(chance.choice((1, 5, 20, 90))))
    return job(CompletionRequest((prompt,), **{"max_tokens": chance.randrange(1, 16), **OPTIONS[name]}))


def test_in_many_rounds_on_a_tiny_model() -> None:
    model = tiny.model()
    compare(rounds(100, 2000), tiny.engine(model), tiny.engine(model), model, completion)


@pytest.mark.parametrize("make", [tiny.windowed, tiny.hybrid])
def test_with_windows_and_recurrent_states(make: Callable[[], Any]) -> None:
    model = make()
    compare(SOME, tiny.engine(model), tiny.engine(model, prompts=PromptCache(1 << 22)), model, completion)


@pytest.mark.parametrize("quantisation", [Quantisation(8, 32, 0), Quantisation(4, 32, 30)])
@pytest.mark.parametrize("make", [tiny.windowed, lambda: tiny.model(heads=2)])
def test_with_quantised_caches(make: Callable[[], Any], quantisation: Quantisation) -> None:
    model = make()
    alone, company = tiny.engine(model, quantisation=quantisation), tiny.engine(model, quantisation=quantisation)
    compare(SOME, alone, company, model, completion)


def test_with_caches_that_do_not_all_fit() -> None:
    model = tiny.model()
    a_row = kv.Kv(model).size(100)
    company = tiny.engine(model, max_kv_bytes=2 * a_row, prompts=PromptCache(1 << 22))
    compare(SOME, tiny.engine(model), company, model, completion)


BEGINNINGS = [tuple((7 * at * at + seed * at) % 516 for at in range(600)) for seed in (3, 5)]


def shifting(chance: random.Random, name: str) -> Job:
    """A prompt that begins like others, perhaps with something put in."""
    beginning = chance.choice(BEGINNINGS)[: chance.choice((30, 290, 600))]
    at = chance.randrange(len(beginning))
    more = tuple(chance.randrange(516) for _ in range(chance.choice((1, 20))))
    prompt = chance.choice((beginning + more, beginning[:at] + more + beginning[at:]))
    return job(CompletionRequest((prompt,), **{"max_tokens": chance.randrange(1, 16), **OPTIONS[name]}))


@pytest.mark.parametrize("make", [tiny.model, tiny.windowed, tiny.hybrid])
def test_with_prompts_that_begin_alike_and_too_little_room_to_keep_them(
    make: Callable[[], Any], tmp_path: Path
) -> None:
    model = make()
    room = int(kv.Kv(model).size(1500))
    kept = PromptCache(room, store=PromptStore(tmp_path, 3 * room))
    compare(SOME, tiny.engine(model), tiny.engine(model, prompts=kept), model, shifting, random.Random(9))


def in_any_lane(chance: random.Random, name: str) -> Job:
    return msgspec.structs.replace(completion(chance, name), lane=chance.choice(list(Lane)))


@pytest.mark.parametrize("kept", [0, 1 << 22])
@pytest.mark.parametrize("make", [tiny.model, tiny.windowed, tiny.hybrid])
def test_with_bulk_rows_that_make_way_and_pause(make: Callable[[], Any], kept: int) -> None:
    model = make()
    company = tiny.engine(model, prompts=PromptCache(kept))
    company._batch._bulk_throttle._part = 2
    compare(SOME, tiny.engine(model), company, model, in_any_lane, random.Random(7))


def test_with_a_draft_model_beside_bulk_rows() -> None:
    model = tiny.model()
    company = tiny.engine(model, draft=tiny.model(1), prompts=PromptCache(1 << 22))
    compare(SOME, tiny.engine(model), company, model, in_any_lane, random.Random(7))


def test_with_a_draft_model() -> None:
    model = tiny.model()
    compare(SOME, tiny.engine(model), tiny.engine(model, draft=tiny.model(1)), model, completion)


@pytest.mark.parametrize("make", [tiny.model, tiny.windowed])
def test_with_drafts_out_of_the_text_beside_bulk_rows(make: Callable[[], Any]) -> None:
    model = make()
    company = tiny.engine(model, drafter=Bold(3, Free()), prompts=PromptCache(1 << 22))
    compare(SOME, tiny.engine(model), company, model, in_any_lane, random.Random(7))


def test_on_a_real_model(text_engine: TextEngine) -> None:
    questions = ["What is the capital of France?", "Name three colours.", "Write a sentence about the sea. " * 3]

    def make(chance: random.Random, name: str) -> Job:
        return chat(chance.choice(questions), **{"max_tokens": chance.randrange(4, 10), **OPTIONS[name]})

    compare(rounds(2, 5), text_engine, text_engine, text_engine._batch._groups._model, make)

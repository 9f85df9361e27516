"""Earlier prompts and answers are not computed again, and answers are the same as if they were."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.support.rounds import rounds
from tests.workers.engines.rows import Batch, job
from tests.workers.engines.text import tiny

import mlx.core as mx  # isort: skip

from tasks.values import events
from tasks.values.job import Job
from tasks.values.requests import CompletionRequest

from workers.engines.lm import TextEngine  # isort: skip
from workers.engines.text.cache import kv, radix
from workers.engines.text.cache.prompt_cache import PromptCache
from workers.engines.text.cache.prompt_store import PromptStore

BYTES = 1 << 24
SYSTEM = [(7 * at * at + 3 * at) % 516 for at in range(300)]


def prompt(*tokens: int, **options: Any) -> Job:
    return job(CompletionRequest((tokens,), **{"temperature": 0.8, "seed": 5, "max_tokens": 6, **options}))


def heard(engine: TextEngine, *jobs: Job) -> list[tuple[str, int]]:
    """Text and cached tokens of requests that come one after the other."""
    batch = Batch(engine)
    for number, one in enumerate(jobs):
        batch.admit(str(number), one)
        batch.run()
    return [(batch.text(str(number)), batch.usage(str(number)).cached_tokens) for number in range(len(jobs))]


@pytest.mark.parametrize("make", [tiny.model, tiny.windowed, tiny.hybrid])
def test_turns_of_a_conversation_are_computed_once(make: Callable[[], Any]) -> None:
    turns_are_computed_once(make(), None)


def test_turns_in_a_quantised_cache_are_computed_once() -> None:
    turns_are_computed_once(tiny.model(heads=2), kv.Quantisation(8, 32, 0))


def turns_are_computed_once(model: Any, quantisation: kv.Quantisation | None) -> None:
    plain = tiny.engine(model, quantisation=quantisation)
    keeping = tiny.engine(model, prompts=PromptCache(BYTES), quantisation=quantisation)
    turns, history = list[Job](), SYSTEM[:80]
    for turn in range(3):
        history = [*history, turn, turn + 1]
        turns.append(prompt(*history))
        history = [*history, *said(plain, turns[-1])]
    first, second, third = heard(keeping, *turns)
    assert [first[0], second[0], third[0]] == [text for text, _ in heard(plain, *turns)]
    lengths = [len(turn.payload.prompts[0]) for turn in turns]
    # The last token that an answer may have is fed to nobody.
    assert [first[1], second[1], third[1]] == [0, lengths[1] - 3, lengths[2] - 3]


def said(engine: TextEngine, one: Job) -> list[int]:
    batch = Batch(engine)
    batch.admit("0", one)
    (row,) = engine._batch.rows
    batch.run()
    return row.tokens[row.prompt_length :]


@pytest.mark.parametrize("make", [tiny.model, tiny.windowed, tiny.hybrid])
def test_a_common_beginning_is_computed_once_or_twice(make: Callable[[], Any]) -> None:
    model = make()
    jobs = [prompt(*SYSTEM, 5 * number, number) for number in range(1, 5)]
    found = heard(tiny.engine(model, prompts=PromptCache(BYTES)), *jobs)
    assert [text for text, _ in found] == [text for text, _ in heard(tiny.engine(model), *jobs)]
    # A cache that cannot be cut is kept at a parting once a second prompt has shown where that is.
    second = len(SYSTEM) if make is tiny.model else 0
    assert [cached for _, cached in found] == [0, second, len(SYSTEM), len(SYSTEM)]


@pytest.mark.parametrize("make", [tiny.model, tiny.windowed, tiny.hybrid])
def test_prompts_with_a_common_beginning_that_come_together_wait_for_it(make: Callable[[], Any]) -> None:
    model = make()
    jobs = [prompt(*SYSTEM, 5 * number, number) for number in range(1, 5)]
    batch = Batch(tiny.engine(model, prompts=PromptCache(BYTES)))
    for number, one in enumerate(jobs):
        batch.admit(str(number), one)
    batch.run()
    cached = sorted(batch.usage(str(number)).cached_tokens for number in range(4))
    assert cached == [0, len(SYSTEM), len(SYSTEM), len(SYSTEM)]
    assert [batch.text(str(number)) for number in range(4)] == [text for text, _ in heard(tiny.engine(model), *jobs)]


def test_answers_to_one_prompt_share_its_prefill(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tiny.engine()
    model, fed = engine._batch._groups._model, list[tuple[int, ...]]()

    def spy(inputs: Any, cache: Any) -> Any:
        fed.append(inputs.shape)
        return model(inputs, cache=cache)

    monkeypatch.setattr(engine._batch._prefill_queue, "_model", spy)
    batch = Batch(engine)
    batch.admit("0", prompt(*SYSTEM[:100], n=4, max_tokens=2))
    batch.run()
    assert sum(rows * length for rows, length in fed if length > 1) == 99


def test_after_a_restart_prompts_come_back_from_files(tmp_path: Path) -> None:
    jobs = [prompt(*SYSTEM, 5 * number, number) for number in range(1, 4)]
    plain = [text for text, _ in heard(tiny.engine(), *jobs)]
    store = PromptStore(tmp_path, BYTES)
    assert heard(tiny.engine(prompts=PromptCache(BYTES, store=store)), jobs[0]) == [(plain[0], 0)]
    store.flush()
    engine = tiny.engine(prompts=PromptCache(BYTES, store=PromptStore(tmp_path, BYTES)))
    assert heard(engine, *jobs[1:]) == [(plain[1], len(SYSTEM)), (plain[2], len(SYSTEM))]


@pytest.mark.parametrize("make", [tiny.windowed, tiny.hybrid])
def test_caches_that_cannot_be_cut_come_back_whole(make: Callable[[], Any], tmp_path: Path) -> None:
    model, first = make(), prompt(*SYSTEM, logit_bias=((516, -100.0),))  # it ends at its limit
    store = PromptStore(tmp_path, BYTES)
    engine = tiny.engine(model, prompts=PromptCache(BYTES, store=store))
    history = [*SYSTEM, *said(engine, first), 3]
    store.flush()
    (expected,) = heard(tiny.engine(model), prompt(*history))
    again = tiny.engine(model, prompts=PromptCache(BYTES, store=PromptStore(tmp_path, BYTES)))
    assert heard(again, prompt(*history)) == [(expected[0], len(history) - 2)]


def test_running_rows_go_on_while_a_prompt_is_read_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = PromptStore(tmp_path, BYTES)
    heard(tiny.engine(prompts=PromptCache(BYTES, store=store)), prompt(*SYSTEM, 1))
    store.flush()
    again = PromptStore(tmp_path, BYTES)
    read, waiting = again._read, list[Any]()

    def slowly(*asked: Any) -> Any:
        while len(batch.heard["running"]) < 5:
            waiting.append(asked)
        return read(*asked)

    monkeypatch.setattr(again, "_read", slowly)
    batch = Batch(tiny.engine(prompts=PromptCache(BYTES, store=again)))
    batch.admit("running", prompt(400, 401, max_tokens=200, logit_bias=((516, -100.0),)))
    batch.step()
    batch.admit("restored", prompt(*SYSTEM, 2, max_tokens=1))
    while not batch.ended("restored"):
        batch.step()
    assert sum(isinstance(event, events.Delta) for event in batch.heard["running"]) >= 5
    assert batch.usage("restored").cached_tokens == len(SYSTEM)
    batch.run()


def owned(owner: str, *tokens: int, **options: Any) -> Job:
    return msgspec.structs.replace(prompt(*tokens, **options), owner=owner)


def test_what_one_owner_asked_serves_that_owner_only() -> None:
    engine = tiny.engine(prompts=PromptCache(BYTES))
    jobs = [owned(owner, *SYSTEM, 5) for owner in ("alpha", "beta", "alpha", "beta")]
    assert [cached for _, cached in heard(engine, *jobs)] == [0, 0, len(SYSTEM), len(SYSTEM)]


def test_owners_that_share_their_caches_serve_each_other() -> None:
    engine = tiny.engine(prompts=PromptCache(BYTES), shared=True)
    jobs = [owned(owner, *SYSTEM, 5) for owner in ("alpha", "beta")]
    assert [cached for _, cached in heard(engine, *jobs)] == [0, len(SYSTEM)]


def test_nobody_waits_for_another_owner_s_prompt_of_the_same_beginning() -> None:
    batch = Batch(tiny.engine(prompts=PromptCache(BYTES), chunk=16))
    for owner in ("alpha", "beta"):
        batch.admit(owner, owned(owner, *SYSTEM, 5))
    batch.step()
    assert [len(prefill.prompts) for prefill in batch.engine._batch._prefill_queue.all] == [2]  # type: ignore[attr-defined]
    batch.run()
    assert [batch.usage(owner).cached_tokens for owner in ("alpha", "beta")] == [0, 0]


def test_files_serve_their_owner_only(tmp_path: Path) -> None:
    store = PromptStore(tmp_path, BYTES)
    heard(tiny.engine(prompts=PromptCache(BYTES, store=store)), owned("alpha", *SYSTEM, 1))
    store.flush()
    again = tiny.engine(prompts=PromptCache(BYTES, store=PromptStore(tmp_path, BYTES)))
    jobs = [owned(owner, *SYSTEM, 2) for owner in ("beta", "alpha")]
    assert [cached for _, cached in heard(again, *jobs)] == [0, len(SYSTEM)]


PLAIN = [(tiny.model, None), (tiny.windowed, None), (tiny.hybrid, None)]
QUANTISED = [(lambda: tiny.model(heads=2), kv.Quantisation(8, 32, 0)), (tiny.windowed, kv.Quantisation(8, 32, 0))]


@pytest.mark.parametrize(("make", "quantisation"), [*PLAIN, *QUANTISED])
def test_no_way_through_the_cache_changes_what_a_prompt_makes_likely(
    make: Callable[[], Any], quantisation: kv.Quantisation | None, tmp_path: Path
) -> None:
    model = make()
    fresh, chance = kv.Kv(model, quantisation), random.Random(11)
    asked: dict[str, list[list[int]]] = {owner: [noise(chance, 300)] for owner in ("alpha", "beta")}
    room = int(fresh.size(1500))
    store = PromptStore(tmp_path, 2 * room)
    kept, hits, restored = PromptCache(room, store=store), 0, 0
    for _ in range(rounds(80, 2000)):
        if chance.random() < 0.2:
            store.flush()
            store = PromptStore(tmp_path, 2 * room)
            kept = PromptCache(room, chance.choice([None, 3]), store)
        owner = chance.choice(sorted(asked))
        tokens = changed(chance, chance.choice(asked[owner][-6:]))
        reading = kept.restore(owner, np.array(tokens, np.int32)).result()
        kept.take(reading)
        hit = kept.longest(owner, tokens)
        assert (hit.length if hit else 0) <= max(common(tokens, one) for one in asked[owner])
        hits, restored = hits + (hit is not None), restored + (reading is not None)
        row = fresh.settled(hit.caches()) if hit else fresh.fresh()
        found = fed(model, row, tokens, hit.length if hit else 0, chance.choice([16, 100, 1000]))
        # Answers come through other numbers of rows and tokens at once, which change the last bits.
        assert mx.abs(found - fed(model, fresh.fresh(), tokens, 0, 1000)).max().item() < 5e-3
        kept.add(owner, tokens, row)
        asked[owner].append(tokens)
        assert kept.nbytes <= room
    store.flush()
    assert store.nbytes <= 2 * room
    assert hits and restored


def noise(chance: random.Random, length: int) -> list[int]:
    return [chance.randrange(516) for _ in range(length)]


def changed(chance: random.Random, tokens: list[int]) -> list[int]:
    """A prompt that goes on, stops early, has something put in or left out, or shares nothing."""
    at, more = chance.randrange(len(tokens)), noise(chance, chance.choice([1, 20, 300]))
    ways = [tokens + more, tokens[: at + 1], tokens[:at] + more + tokens[at:], tokens[:at] + tokens[at + 5 :], more]
    return (chance.choice(ways) or more)[:900]


def common(first: Sequence[int], second: Sequence[int]) -> int:
    return radix.shared(np.array(first), np.array(second))


def fed(model: Any, row: list[Any], tokens: list[int], start: int, piece: int) -> Any:
    """Log probabilities of what comes next, once the tokens from `start` on went through the model in pieces."""
    for at in range(start, len(tokens), piece):
        logits = model(mx.array([tokens[at : at + piece]]), cache=row)[:, -1]
    return logits - mx.logsumexp(logits, axis=-1, keepdims=True)

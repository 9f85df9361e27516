"""Earlier prompts and answers are not computed again, and answers are the same as if they were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.workers.engines.rows import Batch, job
from tests.workers.engines.text import tiny

import mlx.core as mx  # isort: skip
from mlx_lm.models.cache import KVCache  # isort: skip

from tasks import events  # isort: skip
from tasks.job import Job  # isort: skip
from tasks.requests import CompletionRequest  # isort: skip
from workers.engines.lm import TextEngine  # isort: skip
from workers.engines.text import kv  # isort: skip
from workers.engines.text.prompt_cache import NOTHING, PromptCache  # isort: skip
from workers.engines.text.prompt_store import PromptStore  # isort: skip

BYTES = 1 << 24
SYSTEM = [(7 * at * at + 3 * at) % 516 for at in range(300)]


def caches(length: int, seed: int = 0) -> list[Any]:
    """Two layers that hold so many random tokens, 1 KiB each."""
    mx.random.seed(seed)
    found = [KVCache(), KVCache()]
    for layer in found:
        layer.update_and_fetch(mx.random.normal((1, 2, length, 32)), mx.random.normal((1, 2, length, 32)))
    return found


def prompt(*tokens: int, **options: Any) -> Job:
    return job(CompletionRequest((tokens,), **{"temperature": 0.8, "seed": 5, "max_tokens": 6, **options}))


def heard(engine: TextEngine, *jobs: Job) -> list[tuple[str, int]]:
    """Text and cached tokens of requests that come one after the other."""
    batch = Batch(engine)
    for number, one in enumerate(jobs):
        batch.admit(str(number), one)
        batch.run()
    return [(batch.text(str(number)), batch.usage(str(number)).cached_tokens) for number in range(len(jobs))]


def test_the_longest_common_prefix_is_found_and_cut_to_length() -> None:
    kept = PromptCache(BYTES)
    kept.add("", range(100), caches(100, 1))
    kept.add("", [*range(50), *range(200, 300)], caches(150, 2))
    hit = kept.longest("", [*range(50), *range(200, 220), 7])
    assert hit is not None and hit.length == 70
    expected = caches(150, 2)[0].keys[..., :70, :]
    assert hit.caches[0].offset == 70 and mx.array_equal(hit.caches[0].keys[..., :70, :], expected)


def test_the_last_token_is_always_left_to_be_fed() -> None:
    kept = PromptCache(BYTES)
    kept.add("", range(40), caches(40))
    hit = kept.longest("", range(40))
    assert hit is not None and hit.length == 39


def test_few_common_tokens_are_not_worth_a_copy() -> None:
    kept = PromptCache(BYTES)
    kept.add("", range(40), caches(40))
    assert kept.longest("", [*range(15), 99, 98]) is None
    assert not kept.wants(15) and kept.wants(16)


def test_who_takes_an_entry_cannot_change_it() -> None:
    kept = PromptCache(BYTES)
    kept.add("", range(40), caches(40))
    for _ in range(2):
        hit = kept.longest("", [*range(30), 500])
        assert hit is not None
        for layer in hit.caches:
            layer.update_and_fetch(mx.zeros((1, 2, 5, 32)), mx.zeros((1, 2, 5, 32)))
        assert mx.array_equal(hit.caches[0].keys[..., :30, :], caches(40)[0].keys[..., :30, :])


def test_a_longer_entry_takes_the_place_of_its_own_beginning() -> None:
    kept = PromptCache(BYTES)
    kept.add("", range(40), caches(40))
    kept.add("", range(60), caches(60))
    kept.add("", range(50), caches(50))
    assert len(kept) == 1
    assert kept.nbytes == kv.nbytes(caches(60))


def test_the_least_recently_used_leaves_first_and_bytes_stay_within_the_budget() -> None:
    one = kv.nbytes(caches(100))
    kept = PromptCache(3 * one)
    for start in (0, 1000, 2000):
        kept.add("", range(start, start + 100), caches(100))
    assert kept.longest("", range(100))
    kept.add("", range(3000, 3100), caches(100))
    assert kept.nbytes == 3 * one
    assert kept.longest("", range(100)) and kept.longest("", range(2000, 2100))
    assert not kept.longest("", range(1000, 1100))


def test_entries_may_be_limited_in_number_and_nothing_is_kept_with_a_limit_of_nothing() -> None:
    kept = PromptCache(BYTES, 2)
    for start in (0, 1000, 2000):
        kept.add("", range(start, start + 20), caches(20))
    assert len(kept) == 2
    assert not PromptCache(BYTES, 0).wants(1000) and not PromptCache(0).wants(1000)


def test_what_is_larger_than_the_budget_pushes_nobody_out() -> None:
    kept = PromptCache(kv.nbytes(caches(300)))
    kept.add("", range(100), caches(100))
    kept.add("", range(3000), caches(3000))
    assert kept.longest("", range(100))


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
    return row.tokens[row.prompt :]


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

    monkeypatch.setattr(engine._batch._prefills, "_model", spy)
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
    assert heard(engine, *jobs[1:]) == [(plain[1], 256), (plain[2], len(SYSTEM))]


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

    def slowly(pieces: Sequence[Any]) -> Any:
        while len(batch.heard["running"]) < 5:
            waiting.append(pieces)
        return read(pieces)

    monkeypatch.setattr(again, "_read", slowly)
    batch = Batch(tiny.engine(prompts=PromptCache(BYTES, store=again)))
    batch.admit("running", prompt(400, 401, max_tokens=200, logit_bias=((516, -100.0),)))
    batch.step()
    batch.admit("restored", prompt(*SYSTEM, 2, max_tokens=1))
    while not batch.ended("restored"):
        batch.step()
    assert sum(isinstance(event, events.Delta) for event in batch.heard["running"]) >= 5
    assert batch.usage("restored").cached_tokens == 256
    batch.run()


def test_without_files_there_is_nothing_to_wait_for() -> None:
    assert PromptCache(BYTES).restore("", mx.array([1])) is NOTHING


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
    assert [len(prefill.sources) for prefill in batch.engine._batch._prefills.all] == [2]  # type: ignore[attr-defined]
    batch.run()
    assert [batch.usage(owner).cached_tokens for owner in ("alpha", "beta")] == [0, 0]


def test_files_serve_their_owner_only(tmp_path: Path) -> None:
    store = PromptStore(tmp_path, BYTES)
    heard(tiny.engine(prompts=PromptCache(BYTES, store=store)), owned("alpha", *SYSTEM, 1))
    store.flush()
    again = tiny.engine(prompts=PromptCache(BYTES, store=PromptStore(tmp_path, BYTES)))
    jobs = [owned(owner, *SYSTEM, 2) for owner in ("beta", "alpha")]
    assert [cached for _, cached in heard(again, *jobs)] == [0, 256]

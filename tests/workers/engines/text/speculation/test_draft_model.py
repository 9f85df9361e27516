"""A draft model changes how soon an answer is there, never the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.workers.engines.rows import Batch, job
from tests.workers.engines.text import tiny
from tests.workers.engines.text.batch_invariance import OPTIONS, differences, together

import mlx.core as mx  # isort: skip

from tasks.values.job import Job
from tasks.values.requests import CompletionRequest

from workers.engines.lm import TextEngine  # isort: skip
from workers.engines.text.cache.kv import Quantisation
from workers.engines.text.cache.prompt_cache import PromptCache

from workers.engines.text.speculation.draft_model import DraftModel, UnsupportedDraft  # isort: skip

NO_END = ((516, -100.0),)


def prompt(length: int, **options: Any) -> Job:
    tokens = tuple((11 * at * at + 5 * at) % 516 for at in range(length))
    return job(CompletionRequest((tokens,), **{"temperature": 0.8, "seed": 5, "max_tokens": 24, **options}))


def nearly(model: Any) -> Any:
    """A draft that is often right: the model with its weights a little moved."""
    found = tiny.model()
    found.lm_head.weight = model.lm_head.weight + 0.1 * mx.random.normal(model.lm_head.weight.shape)
    return found


def forwards(engine: TextEngine, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes that go through an engine's large model, as they come."""
    model, found = engine._batch._groups._model, list[tuple[int, ...]]()

    def spy(inputs: Any, cache: Any) -> Any:
        found.append(inputs.shape)
        return model(inputs, cache=cache)

    for part in (engine._batch._prefill_queue, engine._batch._groups):
        monkeypatch.setattr(part, "_model", spy)
    return found


@pytest.mark.parametrize("draft", [lambda: tiny.model(1), lambda: tiny.model(2, vocabulary=530), tiny.windowed])
@pytest.mark.parametrize("name", OPTIONS)
def test_a_draft_of_any_quality_leaves_the_answer_as_it_is(name: str, draft: Callable[[], Any]) -> None:
    model = tiny.model()
    same_answers(model, draft(), prompt(20, **OPTIONS[name]))


@pytest.mark.parametrize("name", OPTIONS)
def test_a_draft_that_is_often_right_leaves_the_answer_as_it_is(name: str) -> None:
    model = tiny.model()
    same_answers(model, nearly(model), prompt(20, **OPTIONS[name]))


def test_a_draft_is_followed_in_a_quantised_cache() -> None:
    model = tiny.model(heads=2)
    same_answers(model, tiny.model(heads=2), prompt(50), quantisation=Quantisation(8, 32, 0))


def test_a_window_that_has_moved_on_is_left_to_the_model_alone() -> None:
    model = tiny.windowed()
    same_answers(model, tiny.windowed(), prompt(20, max_tokens=60, logit_bias=NO_END))


def same_answers(model: Any, draft: Any, one: Job, **settings: Any) -> None:
    plain = tiny.engine(model, **settings)
    (alone,) = together(plain, [one], [0])
    (found,) = together(tiny.engine(model, draft=draft, **settings), [one], [0])
    excused, wrong = differences(plain, model, one, alone, found)
    assert not wrong and not excused


def test_a_right_draft_saves_forward_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tiny.engine(draft=tiny.model())
    shapes = forwards(engine, monkeypatch)
    batch = Batch(engine)
    batch.admit("0", prompt(10, logit_bias=NO_END))
    batch.run()
    assert batch.usage("0").completion_tokens == 24
    assert shapes == [(1, 9), (1, 1), *[(1, 4)] * 6]  # each checks three drafts and says four tokens


def test_an_answer_ends_at_its_limit_and_at_its_stop_whatever_was_drafted() -> None:
    model = tiny.model()
    (full,) = together(tiny.engine(model), [prompt(10, logit_bias=NO_END)], [0])
    for most in range(1, 8):
        batch = Batch(tiny.engine(model, draft=tiny.model()))
        batch.admit("0", prompt(10, max_tokens=most, logit_bias=NO_END))
        batch.run()
        assert (batch.usage("0").completion_tokens, batch.reason("0")) == (most, "length")
    stop = full[0].text[5:7]
    batch = Batch(tiny.engine(model, draft=tiny.model()))
    batch.admit("0", prompt(10, stop=(stop,), logit_bias=NO_END))
    batch.run()
    assert batch.text("0") == full[0].text[: full[0].text.index(stop)] and batch.reason("0") == "stop"


def test_with_company_there_is_a_batch_and_afterwards_drafts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny.model()
    long, short = prompt(10, max_tokens=80, logit_bias=NO_END), prompt(30, max_tokens=8, logit_bias=NO_END)
    alone = [together(tiny.engine(model), [one], [0])[0] for one in (long, short)]
    engine = tiny.engine(model, draft=tiny.model())
    shapes = forwards(engine, monkeypatch)
    assert together(engine, [long, short], [0, 4]) == alone
    widths = ["batch" if rows > 1 else "draft" if length == 4 else "" for rows, length in shapes]
    assert [one for one, before in zip(widths, ["", *widths], strict=False) if one and one != before] == [
        "draft",
        "batch",
        "draft",
    ]


def test_turns_reuse_the_prompt_cache_beside_a_draft() -> None:
    model, prompts = tiny.model(), PromptCache(1 << 24)
    engine = tiny.engine(model, draft=tiny.model(), prompts=prompts)
    first = prompt(40, logit_bias=NO_END)
    (told,) = together(engine, [first], [0])
    assert isinstance(first.payload, CompletionRequest)
    second = job(CompletionRequest(((*first.payload.prompts[0], *told[0].tokens, 5),), temperature=0.0, max_tokens=8))  # type: ignore[misc]
    assert together(engine, [second], [0]) == together(tiny.engine(model), [second], [0])
    batch = Batch(engine)
    batch.admit("0", second)
    batch.run()
    assert batch.usage("0").cached_tokens == 64


def test_a_long_prompt_is_read_by_the_draft_a_piece_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tiny.engine(draft=tiny.model(), chunk=64)
    draft, read = engine._batch._drafter, list[int]()
    assert isinstance(draft, DraftModel)
    own = draft._model

    def spy(inputs: Any, cache: Any) -> Any:
        read.append(inputs.shape[1])
        return own(inputs, cache=cache)

    monkeypatch.setattr(draft, "_model", spy)
    batch = Batch(engine)
    batch.admit("0", prompt(600, logit_bias=NO_END))
    batch.run()
    assert max(read) <= 64


def test_a_draft_that_cannot_take_tokens_back_is_refused() -> None:
    with pytest.raises(UnsupportedDraft, match="take tokens back"):
        tiny.engine(draft=tiny.hybrid())


def test_what_a_draft_has_read_for_one_owner_serves_that_owner_only(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tiny.engine(draft=tiny.model())
    draft, read = engine._batch._drafter, list[int]()
    assert isinstance(draft, DraftModel)
    plain = draft._read
    monkeypatch.setattr(draft, "_read", lambda tokens: read.append(len(tokens)) or plain(tokens))  # type: ignore[func-returns-value]
    sums = []
    for owner in ("alpha", "alpha", "beta"):
        together(engine, [msgspec.structs.replace(prompt(40, logit_bias=NO_END), owner=owner)], [0])
        sums.append(sum(read))
        read.clear()
    assert sums[1] < sums[0] == sums[2]

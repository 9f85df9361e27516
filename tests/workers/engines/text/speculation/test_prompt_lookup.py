"""Drafts out of the text itself change how soon an answer is there, never the answer."""

from __future__ import annotations

import random
from typing import Any, cast

import pytest

from tests.workers.engines.rows import Batch, job
from tests.workers.engines.text import tiny
from tests.workers.engines.text.batch_invariance import OPTIONS, differences, together
from tests.workers.engines.text.speculation.test_draft_model import NO_END, forwards, prompt

import mlx.core as mx  # isort: skip

from tasks.values.job import Job
from tasks.values.requests import CompletionRequest

from workers.engines.lm import TextEngine  # isort: skip
from workers.engines.text.cache.kv import Quantisation
from workers.engines.text.cache.prompt_cache import PromptCache
from workers.engines.text.schedule.rows import Row
from workers.engines.text.speculation.costs import Costs
from workers.engines.text.speculation.prompt_lookup import ROWS, PromptLookup, Text


class Free(Costs):
    """Drafts cost nothing, whatever the machine does."""

    def measured(self, rows: int) -> bool:
        return True

    def factor(self, rows: int, drafts: int) -> float:
        return 1.0


class Bold(PromptLookup):
    """Drafts in every step of few rows, right or wrong: what stands in the text, else what the text began with."""

    def ready(self, rows: Any, step: int, chunk: int) -> bool:
        super().ready(rows, step, chunk)
        self._drafts = self.count
        return len(rows) <= ROWS

    def drafts(self, rows: Any, firsts: Any) -> list[list[int]]:
        own = super().drafts(rows, firsts)
        return [draft or row.tokens[: 1 + len(row.tokens) % 3] for draft, row in zip(own, rows, strict=True)]


def circling(model: Any) -> Any:
    """The model, which now says the same few tokens over and over: what it says follows from the last one alone."""
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight *= 0
    mx.eval(model.parameters())
    return model


def drafting(model: Any, kind: type[PromptLookup] = PromptLookup, count: int = 4, **settings: Any) -> TextEngine:
    return tiny.engine(model, drafter=kind(count, Free()), **settings)


def same(model: Any, jobs: list[Job], arrivals: list[int] | None = None, **settings: Any) -> int:
    """Hold each answer with drafts against the one that is alone and without; how many were too close to call."""
    plain, excused = tiny.engine(model, **settings), 0
    company = together(drafting(model, Bold, **settings), jobs, arrivals or [0] * len(jobs))
    for one, found in zip(jobs, company, strict=True):
        (alone,) = together(plain, [one], [0])
        close, wrong = differences(plain, model, one, alone, found)
        assert not wrong
        excused += close
    return excused


@pytest.mark.parametrize("name", OPTIONS)
def test_the_answer_is_the_same_whatever_is_asked_for(name: str) -> None:
    assert same(tiny.model(), [prompt(20, **OPTIONS[name])]) == 0


@pytest.mark.parametrize("name", OPTIONS)
def test_a_text_that_goes_round_in_circles_does_so_with_drafts(name: str) -> None:
    assert same(circling(tiny.model()), [prompt(20, **OPTIONS[name])]) == 0


@pytest.mark.parametrize("seed", range(4))
def test_rows_of_different_luck_share_a_pass(seed: int) -> None:
    chance = random.Random(seed)
    names = chance.sample(sorted(OPTIONS), ROWS)
    jobs = [prompt(chance.randrange(5, 90), **{**OPTIONS[name], "n": 1}) for name in names]
    same(tiny.model(), jobs, [chance.choice((0, 0, chance.randrange(9))) for _ in jobs])


def test_rows_with_quantised_caches_are_left_to_the_model_alone_but_for_one() -> None:
    model = tiny.model(heads=2)
    assert same(model, [prompt(50), prompt(30)], quantisation=Quantisation(8, 32, 0)) == 0


@pytest.mark.parametrize("model", [tiny.windowed, tiny.hybrid])
def test_caches_that_cannot_take_tokens_back_are_left_to_the_model_alone(model: Any) -> None:
    same(model(), [prompt(20, max_tokens=60, logit_bias=NO_END), prompt(30)])


def test_what_a_row_leaves_in_the_prompt_cache_is_what_it_said() -> None:
    model = tiny.model()
    engine = drafting(model, Bold, prompts=PromptCache(1 << 24))
    first = prompt(40, logit_bias=NO_END)
    (told,) = together(engine, [first], [0])
    assert isinstance(first.payload, CompletionRequest)
    second = job(CompletionRequest(((*first.payload.prompts[0], *told[0].tokens, 5),), temperature=0.0, max_tokens=8))  # type: ignore[misc]
    assert together(engine, [second], [0]) == together(tiny.engine(model), [second], [0])


def test_pauses_change_nothing() -> None:
    model = tiny.model()
    jobs = [prompt(length, logit_bias=NO_END) for length in (10, 25, 40)]
    alone = [together(tiny.engine(model), [one], [0])[0] for one in jobs]
    engine = drafting(model, Bold, prompts=PromptCache(1 << 24))
    assert together(engine, jobs, [0, 0, 3], random.Random(1)) == alone


@pytest.mark.parametrize("rows", [1, 2, ROWS])
def test_a_text_that_repeats_takes_fewer_passes(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [prompt(20 + at, max_tokens=60, temperature=0.0, logit_bias=NO_END) for at in range(rows)]
    counts, answers = [], []
    for engine in (tiny.engine(circling(tiny.model())), drafting(circling(tiny.model()), count=8)):
        shapes = forwards(engine, monkeypatch)
        answers.append(together(engine, jobs, [0] * rows))
        counts.append(sum(length <= 9 for _, length in shapes))
    assert answers[0] == answers[1]
    assert counts[1] < 0.6 * counts[0], counts


def test_more_rows_than_a_handful_are_a_batch_without_drafts(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = drafting(circling(tiny.model()), Bold)
    engine._batch._drafter = PromptLookup(4, Free())
    shapes = forwards(engine, monkeypatch)
    jobs = [prompt(20, max_tokens=30, temperature=0.0, logit_bias=NO_END) for _ in range(ROWS + 1)]
    together(engine, jobs, [0] * len(jobs))
    assert {length for rows, length in shapes if rows > ROWS} == {1}


@pytest.mark.parametrize("most", range(1, 9))
def test_an_answer_ends_at_its_limit_whatever_was_drafted(most: int) -> None:
    batch = Batch(drafting(circling(tiny.model()), Bold))
    batch.admit("0", prompt(10, max_tokens=most, logit_bias=NO_END, count_tokens=True))
    batch.run()
    assert (batch.usage("0").completion_tokens, batch.reason("0")) == (most, "length")
    assert sum(getattr(event, "tokens", 0) for event in batch.heard["0"]) == most


def test_deltas_count_the_tokens_that_are_told_where_an_answer_stops_among_drafts() -> None:
    model = circling(tiny.model())
    (full,) = together(tiny.engine(model), [prompt(10, logit_bias=NO_END)], [0])
    text = full[0].text
    for at in range(3, len(text) - 2, 2):
        counts = []
        for engine in (tiny.engine(model), drafting(model, Bold, 8)):
            batch = Batch(engine)
            batch.admit("0", prompt(10, stop=(text[at : at + 2],), logit_bias=NO_END, count_tokens=True))
            batch.run()
            told = sum(getattr(event, "tokens", 0) for event in batch.heard["0"])
            counts.append((batch.text("0"), batch.reason("0"), batch.usage("0"), told))
        assert counts[0] == counts[1]


TEXTS = {
    "nothing stands twice": ([1, 2, 3, 4, 5, 6], []),
    "three tokens do": ([7, 1, 2, 3, 8, 9, 1, 2, 3], [8, 9, 1, 2, 3]),
    "two are too few": ([7, 1, 2, 8, 9, 1, 2], []),
    "the last place counts": ([1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3], [5, 1, 2, 3, 5]),
    "a longer run counts more": ([6, 5, 4, 1, 2, 3, 8, 0, 1, 2, 3, 9, 6, 5, 4, 1, 2, 3], [8, 0, 1, 2, 3]),
    "a circle goes on": ([1, 2, 1, 2, 1, 2], [1, 2, 1, 2, 1]),
    "one token over and over": ([3, 3, 3, 3], [3, 3, 3, 3, 3]),
    "bytes of neighbours are no token": ([1 << 8, 1 << 8, 1 << 8, 9, 1, 1, 1], []),
    "no tokens": ([], []),
    "fewer than are looked for": ([1, 1], []),
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_followed_the_last_time_is_the_draft(name: str) -> None:
    tokens, expected = TEXTS[name]
    whole, parts = Text(4), Text(4)
    whole.read(tokens)
    for end in range(len(tokens) + 1):
        parts.read(tokens[:end])
    assert whole.guess == parts.guess == expected
    if tokens:
        before = Text(4)
        before.read(tokens[:-1])
        assert before.after(tokens[-1])[:4] == expected[:4]
        assert before.after(tokens[-1])[:4] == expected[:4]  # it has taken nothing in


def test_a_text_that_does_as_it_did_is_trusted_and_another_is_not() -> None:
    good, bad = Text(4), Text(4)
    good.read([1, 2, 3] * 20)
    for end in range(len(bad_tokens := [1, 2, 3, 9] + [t for n in range(20) for t in (1, 2, 3, 10 + n)])):
        bad.read(bad_tokens[: end + 1])
    for end in range(3, 60):
        good.read(([1, 2, 3] * 40)[: 60 + end])
    assert good.likely > 0.9 > 0.4 > bad.likely


class Clock:
    """Seconds that the test says."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def drafted(each: float, *, rows: int = 1, right: float = 1.0, steps: int = 400) -> list[int]:
    """How many drafts a step checks on a machine where a step takes 1 s and each draft so much more.

    So many of the rows' tokens follow as they did before, the others never did.
    """
    clock, chance = Clock(), random.Random(1)
    lookup, counts = PromptLookup(8, Costs(), clock), []
    several = [Row("", at, cast("Any", None), 10_000, 0, [1, 2, 3, 4] * 3) for at in range(rows)]

    def follow(row: Row, count: int) -> None:
        for _ in range(count):
            row.append(row.tokens[-4] if chance.random() < right else 100 + len(row.tokens))

    for step in range(steps):
        count = 0
        if lookup.ready(several, step, 64):
            clock.now += 1  # until the logits of the step before are there
            runs = lookup.drafts(several, [row.tokens[-4] for row in several])
            count = max(map(len, runs))
            clock.now += 1 + each * count
            for row, run in zip(several, runs, strict=True):
                follow(row, 1 + len(run))
        else:
            clock.now += 1
            for row in several:
                follow(row, 1)
        counts.append(count)
    return counts


def test_drafts_that_cost_little_and_are_right_are_as_many_as_may_be() -> None:
    counts = drafted(0.05)
    assert set(counts[-50:]) == {8}


@pytest.mark.parametrize("rows", [1, ROWS])
@pytest.mark.parametrize(("each", "right"), [(3.0, 1.0), (0.05, 0.0), (1.2, 0.9)])
def test_what_does_not_pay_is_tried_and_then_hardly_ever(each: float, right: float, rows: int) -> None:
    counts = drafted(each, right=right, rows=rows)
    assert sum(count > 0 for count in counts[20:]) <= len(counts) / 50


def test_drafts_that_are_sometimes_right_are_few() -> None:
    counts = drafted(0.3, right=0.7)
    assert 0 < sum(counts[-200:]) / max(1, sum(count > 0 for count in counts[-200:])) < 4


def test_a_machine_that_hangs_once_is_not_slow_for_ever() -> None:
    costs = Costs()
    for seconds in (1.0,) * 5:
        costs.plain(1, seconds)
    costs.checked(1, 4, 500.0)
    assert costs.factor(1, 4) > 100
    for _ in range(1000):
        costs.too_dear(1)
    assert costs.factor(1, 4) == 1


def test_nothing_is_drafted_before_it_is_known_what_a_step_takes() -> None:
    assert not any(drafted(0.0)[:5])


@pytest.mark.parametrize(("limit", "together", "forced"), [(13, 99, []), (99, 1, []), (99, 99, [5])])
def test_a_row_that_may_say_one_token_more_is_not_drafted_for(limit: int, together: int, forced: list[int]) -> None:
    row = Row("", 0, cast("Any", None), limit, 0, [1, 2, 3, 4] * 3)
    row.together, row.forced = together, forced
    assert not PromptLookup(8, Free()).ready([row], 0, 64)
    assert PromptLookup(8, Free()).ready([row, Row("", 0, row.options, 99, 0, list(row.tokens))], 0, 64)

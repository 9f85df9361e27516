"""Which prompts go through the model together, and who waits for whom."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import mlx.core as mx
import pytest

from tasks.values.requests import CompletionRequest
from tests.workers.engines.rows import Batch
from tests.workers.engines.text import tiny
from tests.workers.engines.text.schedule.test_batch import prompt, tokens
from tests.workers.engines.text.speculation.test_draft_model import forwards
from workers.engines.text.cache import batched, kv
from workers.engines.text.output import scores
from workers.engines.text.sampling.options import Defaults, options
from workers.engines.text.sampling.sampler import Sampler
from workers.engines.text.schedule.decode import Group
from workers.engines.text.schedule.prefill import Prefill
from workers.engines.text.schedule.rows import PromptGroup, Row


def test_short_prompts_that_come_together_are_one_forward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tiny.engine(slots=8, prompts_at_once=8, chunk=2048)
    engine._batch.prefill_budget.prefilled(0.1, 256)  # as on a machine that has measured what it can
    engine._batch.prefill_budget._rate = 2560.0
    shapes, batch = forwards(engine, monkeypatch), Batch(engine)
    for number in range(8):
        batch.admit(str(number), prompt(tokens(20 + number, number + 2)))
    batch.step()
    assert shapes == [(8, 26), (8, 1)]  # all but the last token of each, and that in the same step
    batch.step()
    assert shapes[2:] == [(8, 1)] and all(row.generated == 1 for row in engine._batch.rows)


def test_a_first_token_waits_for_no_piece_of_another_prompt_but_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = Batch(tiny.engine(chunk=16))
    batch.admit("long", prompt(tokens(900)))
    batch.step()
    batch.admit("short", prompt(tokens(10)))
    shapes = forwards(batch.engine, monkeypatch)  # type: ignore[arg-type]
    while not batch.text("short"):
        batch.step()
    assert sum(length > 1 for _, length in shapes) <= 3  # its own, and at most one before and one after it


def test_nothing_is_computed_for_a_token_that_nobody_may_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tiny.engine()
    shapes, batch = forwards(engine, monkeypatch), Batch(engine)
    for number in range(3):
        batch.admit(str(number), prompt(tokens(20, number + 2), max_tokens=5))
    batch.run()
    assert sum(length == 1 for _, length in shapes) == 5  # the prompts' last tokens, and all said but the fifth


def test_what_scoring_a_prompt_takes_is_part_of_its_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, taken, score = tiny.engine(), list[float](), scores.of

    def slowly(*what: Any) -> Any:
        time.sleep(0.01)  # what a large vocabulary takes, which says how long the next piece may be
        return score(*what)

    monkeypatch.setattr(scores, "of", slowly)
    monkeypatch.setattr(engine._batch.prefill_budget, "prefilled", lambda seconds, *_, **__: taken.append(seconds))
    batch = Batch(engine)
    batch.admit("0", prompt(tokens(100), echo=True, logprobs=1, max_tokens=0))
    batch.run()
    assert taken and min(taken) >= 0.01


def test_prompts_prefilled_together_go_on_in_the_caches_that_they_share(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tiny.engine(slots=8, prompts_at_once=8, chunk=2048)
    copies, merged = list[int](), batched.merged

    def counted(rows: Sequence[Sequence[Any]]) -> list[Any]:
        copies.append(len(rows))
        return merged(rows)

    monkeypatch.setattr(batched, "merged", counted)
    batch = Batch(engine)
    for number in range(4):
        batch.admit(str(number), prompt(tokens(40 + number, number + 2)))
    batch.run()
    assert copies == [4]  # where they began


@pytest.mark.parametrize("gone", [{0}, {1, 2}, {0, 1, 2}])
def test_who_leaves_before_its_first_step_leaves_the_others_as_they_are(gone: set[int]) -> None:
    prompts, model = [tokens(40 + number, number + 2) for number in range(3)], tiny.model()
    alone = [after(model, [(one, number)], set())[number] for number, one in enumerate(prompts)]
    together = after(model, [(one, number) for number, one in enumerate(prompts)], gone)
    assert together == {number: token for number, token in enumerate(alone) if number not in gone}


def after(model: Any, prompts: Sequence[tuple[tuple[int, ...], int]], gone: set[int]) -> dict[int, int]:
    """The likeliest token behind each of some prompts, which sit in one group, once some of them have left."""
    caches = kv.Kv(model)
    greedy = options(CompletionRequest(("",), temperature=0.0), Defaults(), 0, 0)
    rows = {number: Row("", number, greedy, 6, len(own), list(own)) for own, number in prompts}
    prompt_groups = [PromptGroup(row.tokens, [row]) for row in rows.values()]
    prefill = Prefill(model, caches, prompt_groups)
    while prefill.prompts:
        prefill.step(2048)
    group = Group(model, kv.kind(prompt_groups[0].caches or ()))
    if prefill.batch is None:
        group.enter(rows[prompts[0][1]], prompt_groups[0].caches or [])
    else:
        group.join_batch(list(rows.values()), prefill.batch)
    group.leave([rows[number] for number in gone])
    if not group.all_rows:
        return {}
    group.step(Sampler([]))
    likeliest = mx.argmax(group.logits, axis=-1).tolist()
    return {row.index: token for row, token in zip(group.rows, likeliest, strict=True)}

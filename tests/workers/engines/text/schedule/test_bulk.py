"""How bulk rows make way for people in the batch, and what a pause leaves of a row."""

from __future__ import annotations

import msgspec

from tasks.values.job import Job, Lane
from tests.workers.engines.rows import Batch
from tests.workers.engines.text import tiny
from tests.workers.engines.text.schedule.test_batch import answers, prompt, run, tokens
from workers.engines.text.cache import kv
from workers.engines.text.cache.prompt_cache import PromptCache


def bulk(one: Job) -> Job:
    return msgspec.structs.replace(one, lane=Lane.BATCH)


def test_bulk_rows_stand_still_until_a_person_s_first_token() -> None:
    batch = Batch(tiny.engine())
    batch.admit("bulk", bulk(prompt(tokens(10), max_tokens=200)))
    while len(batch.text("bulk")) < 5:
        batch.step()
    batch.admit("person", prompt(tokens(12)))
    text = batch.text("bulk")
    while not batch.text("person"):
        assert batch.text("bulk") == text
        batch.step()
    batch.run()


def test_a_person_s_prompt_passes_bulk_ones_under_way_and_waits_for_none_that_it_shares() -> None:
    batch = Batch(tiny.engine(chunk=16))
    for number in range(6):
        batch.admit(f"bulk {number}", bulk(prompt(tokens(900, number + 3))))
    batch.step()
    batch.admit("person", prompt(tokens(900, 3)[:300]))
    while not batch.ended("person"):
        batch.step()
    assert not any(batch.text(f"bulk {number}") for number in range(6))
    batch.run()


def test_bulk_rows_step_in_parts_while_people_are_about_and_together_before_and_after() -> None:
    engine = tiny.engine()
    batch, bulk_throttle = Batch(engine), engine._batch._bulk_throttle
    bulk_throttle._part = 3
    for number in range(7):
        batch.admit(str(number), bulk(prompt(tokens(10, number + 2), max_tokens=200)))
    while sum(len(group.rows) for group in engine._batch._groups.all) < 7:
        batch.step()
    assert [len(group.rows) for group in engine._batch._groups.all] == [7]
    batch.admit("person", prompt(tokens(12)))
    batch.step()
    assert sorted(len(group.rows) for group in engine._batch._groups.all if group.bulk) == [1, 3, 3]
    while not batch.ended("person"):
        batch.step()
    bulk_throttle._people_seen = 0.0
    batch.step()
    assert [len(group.rows) for group in engine._batch._groups.all] == [7]
    batch.run()


def test_bulk_rows_pause_first_when_the_caches_are_full() -> None:
    model = tiny.model()
    engine = tiny.engine(model, max_kv_bytes=3.05 * kv.Kv(model).size(276))
    batch, paused = Batch(engine), set[str]()
    batch.admit("bulk", bulk(prompt(tokens(20), max_tokens=700)))
    for number in range(2):
        batch.admit(f"person {number}", prompt(tokens(20, number + 4), max_tokens=700))
    while not all(map(batch.ended, batch.heard)):
        batch.step()
        paused |= {prompt.rows[0].job for prompt in engine._batch._waiting if prompt.rows[0].generated}
    assert paused == {"bulk"}


def test_a_row_paused_and_resumed_says_the_same_and_begins_once() -> None:
    one = prompt(tokens(40), max_tokens=30, echo=True, n=2, temperature=1.0, seed=3)
    alone = answers(run(tiny.engine(), one))
    engine = tiny.engine(prompts=PromptCache(1 << 22))
    batch = Batch(engine)
    batch.admit("0", one)
    for _ in range(3):
        for _ in range(6):
            batch.step()
        assert engine.pause("0")
        heard = len(batch.heard["0"])
        for _ in range(3):
            batch.step()
        assert len(batch.heard["0"]) == heard and not engine._batch.rows
        engine.resume("0")
    batch.run()
    assert answers(batch) == alone and batch.usage("0").completion_tokens == 60


def test_a_paused_row_can_be_dropped() -> None:
    engine = tiny.engine()
    batch = Batch(engine)
    batch.admit("0", prompt(tokens(40), max_tokens=30))
    for _ in range(6):
        batch.step()
    engine.pause("0")
    batch.drop("0")
    assert not engine._tasks and not engine._batch.rows

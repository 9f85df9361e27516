"""The text engine on a real model: what a row says does not depend on its company, and it ends as it should."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from mlxq.entries.lm import LmEntry
from mlxq.settings import Settings
from tests.support import starter
from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402

from tasks.values import events  # noqa: E402
from tasks.values.errors import ContextLengthExceeded, InvalidValue  # noqa: E402
from tasks.values.messages import Message  # noqa: E402
from tasks.values.requests import ChatRequest  # noqa: E402
from tests.workers.engines.rows import Batch, chat, embedding, job, run, texts  # noqa: E402
from tests.workers.engines.text import tiny  # noqa: E402
from workers.engines import lm  # noqa: E402
from workers.engines.text.cache.prompt_cache import PromptCache  # noqa: E402

if TYPE_CHECKING:
    from workers.engines.lm import TextEngine

QUESTIONS = [
    "What is the capital of France?",
    "Name three colours.",
    "Say hello.",
    "Write one sentence about the sea, and then another one about the mountains behind it.",
    "What is two plus two?",
    "Who wrote Hamlet?",
    "Translate 'good morning' into French.",
    "List the days of the week.",
]


def test_it_answers(text_engine: TextEngine) -> None:
    batch = run(text_engine, chat(QUESTIONS[0], max_tokens=20))
    assert "Paris" in batch.text("0")
    assert batch.reason("0") == "stop"
    assert not batch.text("0").endswith("<|im_end|>")


def test_rows_that_join_and_leave_say_what_they_say_alone(text_engine: TextEngine) -> None:
    jobs = [chat(question, max_tokens=3 + number) for number, question in enumerate(QUESTIONS)]
    alone = [texts(text_engine, [one])[0] for one in jobs]
    batch = Batch(text_engine)
    for number, one in enumerate(jobs):
        batch.admit(str(number), one)
        for _ in range(2):
            batch.step()
    batch.run()
    assert [batch.text(str(number)) for number in range(len(jobs))] == alone


def test_usage_counts_prompt_and_answer(text_engine: TextEngine) -> None:
    batch = run(text_engine, chat("Say hello.", max_tokens=5))
    usage = batch.usage("0")
    assert (usage.prompt_tokens, usage.completion_tokens) == (33, 5)
    assert batch.reason("0") == "length"


def test_a_stop_string_ends_the_text_before_it(text_engine: TextEngine) -> None:
    (full,) = texts(text_engine, [chat(QUESTIONS[0], max_tokens=20)])
    stop = full[6:11]  # begins and ends inside tokens
    batch = run(text_engine, chat(QUESTIONS[0], max_tokens=20, stop=(stop,)))
    assert batch.text("0") == full[: full.index(stop)]
    assert batch.reason("0") == "stop"
    assert batch.usage("0").completion_tokens < 20


def test_characters_of_several_tokens_come_whole(text_engine: TextEngine) -> None:
    batch = run(text_engine, chat("Repeat exactly: 😀😃😄 日本語 naïve", max_tokens=24))
    pieces = [event.text for event in batch.heard["0"] if isinstance(event, events.Delta)]
    assert pieces and not any("\ufffd" in piece for piece in pieces[:-1])


def test_sampled_rows_differ_from_each_other(text_engine: TextEngine) -> None:
    job = chat("Tell me a story.", max_tokens=12, temperature=1.2, top_p=0.95)
    assert len(set(texts(text_engine, [job] * 4))) > 1


def test_a_long_prompt_is_prefilled_in_pieces_while_others_go_on(text_engine: TextEngine) -> None:
    batch = Batch(text_engine)
    batch.admit("running", chat("Count to a hundred.", max_tokens=30))
    while not batch.heard["running"]:
        batch.step()
    batch.admit("long", chat("word " * 400, max_tokens=2))
    before = len(batch.heard["running"])
    while not any(isinstance(event, events.Delta) for event in batch.heard["long"]):
        batch.step()
    progress = [event.done for event in batch.heard["long"] if isinstance(event, events.Progress)]
    assert len(progress) > 1 and progress == sorted(progress)
    assert len(batch.heard["running"]) - before >= len(progress)
    batch.run()


def test_a_dropped_row_leaves_the_others_alone(text_engine: TextEngine) -> None:
    (alone,) = texts(text_engine, [chat(QUESTIONS[1], max_tokens=16)])
    batch = Batch(text_engine)
    batch.admit("kept", chat(QUESTIONS[1], max_tokens=16))
    batch.admit("prefilling", chat("a prompt that nobody has sent before " * 60))
    batch.admit("decoding", chat(QUESTIONS[2], max_tokens=40))
    for _ in range(4):
        batch.step()
    batch.drop("prefilling")
    batch.drop("decoding")
    text_engine.drop("unknown")
    assert batch.run().text("kept") == alone
    assert text_engine.step() == []


def test_after_a_step_that_failed_the_engine_goes_on(text_engine: TextEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = Batch(text_engine)
    batch.admit("lost", chat(QUESTIONS[0]))
    batch.step()
    with monkeypatch.context() as patch:
        patch.setattr(text_engine._batch, "step", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            batch.step()
    text_engine.drop("lost")
    assert "Paris" in texts(text_engine, [chat(QUESTIONS[0])])[0]


def test_a_prompt_longer_than_the_context_is_refused_with_both_lengths(text_engine: TextEngine) -> None:
    with pytest.raises(ContextLengthExceeded, match=r"600 tokens.* takes \d+ ") as caught:
        text_engine.prepare(chat("word " * 700))
    assert caught.value.failure.param == "messages"


def test_an_answer_ends_with_the_context(text_engine: TextEngine) -> None:
    plan = text_engine.prepare(chat("word " * 500, max_tokens=10_000)).plan
    assert plan.limits == [600 - len(plan.prompts[0])]
    assert text_engine.prepare(chat("hi", max_tokens=None)).plan.limits[0] > 500


def test_a_request_goes_before_the_entry_and_the_entry_before_the_model(text_engine: TextEngine) -> None:
    silent = job(ChatRequest((Message("user", "hi"),)))
    (options,) = text_engine.prepare(silent).plan.options
    assert (options.temperature, options.top_p, options.repetition_penalty) == (1.0, 1.0, 1.0)
    assert text_engine.prepare(chat("hi", temperature=0.3, top_p=0.5)).plan.options[0].top_p == 0.5
    planner = text_engine._planner
    warm = dataclasses.replace(planner, defaults=dataclasses.replace(planner.defaults, temperature=0.1))
    assert warm.plan(silent.payload).options[0].temperature == 0.1


def test_it_only_chats(text_engine: TextEngine) -> None:
    with pytest.raises(InvalidValue):
        text_engine.prepare(embedding("text"))


def test_the_text_of_one_row_may_fail_alone(text_engine: TextEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    (alone,) = texts(text_engine, [chat(QUESTIONS[1], max_tokens=16)])
    batch = Batch(text_engine)
    batch.admit("kept", chat(QUESTIONS[1], max_tokens=16))
    batch.admit("broken", chat(QUESTIONS[2], max_tokens=16))
    (broken,) = text_engine._tasks["broken"].answers.values()
    monkeypatch.setattr(broken, "feed", lambda token, logprob: 1 / 0)
    batch.run()
    failed = batch.heard["broken"][-1]
    assert isinstance(failed, events.Failed) and "ZeroDivisionError" in failed.failure.message
    assert batch.text("kept") == alone
    assert not text_engine._batch.rows


def test_a_dropped_prompt_frees_its_cache() -> None:
    engine = tiny.engine(chunk=16)
    batch = Batch(engine)
    batch.admit("prefilling", chat("a prompt that nobody has sent before " * 20))
    batch.step()
    assert any(isinstance(event, events.Progress) for event in batch.heard["prefilling"]) and engine._batch.nbytes
    batch.drop("prefilling")
    assert not engine._batch.nbytes


def test_requests_leave_nothing_behind_but_the_prompt_cache(
    text_engine: TextEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_engine._batch, "_prompt_cache", PromptCache(0))

    def some(number: int) -> int:
        for one in range(number):
            run(text_engine, chat("word " * (5 * one), max_tokens=2, temperature=0.8 * (one % 2), top_p=0.9))
        mx.clear_cache()
        return int(mx.get_active_memory())

    before = some(2)
    assert some(6) <= before + 2**20
    assert not text_engine._batch.rows


def test_many_threads_may_check_while_rows_are_decoded(text_engine: TextEngine) -> None:
    alone = [text_engine.prepare(chat(question)).plan.prompts for question in QUESTIONS]
    (text,) = texts(text_engine, [chat(QUESTIONS[0])])
    batch = Batch(text_engine)
    batch.admit("running", chat(QUESTIONS[0]))
    with ThreadPoolExecutor(8) as pool:
        checked = [pool.submit(text_engine.prepare, chat(question)) for question in QUESTIONS * 20]
        batch.run()
    assert [one.result().plan.prompts for one in checked] == alone * 20
    assert batch.text("running") == text


def test_a_stop_string_of_several_bytes_ends_the_text(text_engine: TextEngine) -> None:
    prompt = "Repeat exactly: 😀😃😄"
    (full,) = texts(text_engine, [chat(prompt, max_tokens=24)])
    (emoji, *_) = [character for character in full if ord(character) > 0xFFFF]
    batch = run(text_engine, chat(prompt, max_tokens=24, stop=(emoji,)))
    assert batch.text("0") == full[: full.index(emoji)]
    assert batch.reason("0") == "stop"


@pytest.mark.parametrize("keys", [{"kv_bits": 8}, {"kv_bits": 4, "quantized_kv_start": 20}, {"draft_model_path": True}])
def test_quantised_caches_and_a_draft_model_serve_four_at_once(keys: dict[str, Any]) -> None:
    folder = str(starter.folder("smollm2-135m-instruct"))
    keys = {key: folder if value is True else value for key, value in keys.items()}
    engine = lm.load(LmEntry(model_path=folder, context_length=600, **keys), Settings())
    jobs = [chat(question, max_tokens=8) for question in QUESTIONS[:4]]
    alone = [texts(engine, [one])[0] for one in jobs[:2]]
    assert texts(engine, jobs)[:2] == alone
    assert "Paris" in alone[0] or keys.get("kv_bits") == 4  # too few bits for so small a model

"""What the batch lets in, what it keeps apart, and what it says of prompts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workers.engines.rows import Batch, job
from tests.workers.engines.text import tiny

import mlx.core as mx  # isort: skip
from mlx_lm.models.cache import BatchKVCache  # isort: skip

from tasks.values import events
from tasks.values.errors import ContextLengthExceeded, InvalidValue
from tasks.values.job import Job
from tasks.values.messages import Message
from tasks.values.requests import ChatRequest, CompletionRequest, DetokenizeRequest, RenderRequest, TokenizeRequest

from workers.engines.lm import TextEngine  # isort: skip
from workers.engines.text.cache import kv

NO_END = ((516, -100.0),)


def tokens(length: int, step: int = 7) -> tuple[int, ...]:
    return tuple((step * at * at + 3 * at) % 516 for at in range(length))


def prompt(*prompts: tuple[int, ...] | str, **options: Any) -> Job:
    return job(CompletionRequest(prompts, **{"temperature": 0.0, "max_tokens": 6, "logit_bias": NO_END, **options}))


def told(batch: Batch, name: str, index: int = 0) -> list[events.TokenLogprob]:
    deltas = [event for event in batch.heard[name] if isinstance(event, events.Delta) and event.index == index]
    return [one for delta in deltas for one in delta.logprobs]


def run(engine: TextEngine, one: Job) -> Batch:
    batch = Batch(engine)
    batch.admit("0", one)
    return batch.run()


def answers(batch: Batch) -> list[str]:
    found = dict[int, str]()
    for event in batch.heard["0"]:
        if isinstance(event, events.Delta):
            found[event.index] = found.get(event.index, "") + event.text
    return [found[index] for index in sorted(found)]


def test_answers_that_end_in_one_step_are_taken_out_of_the_caches_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, keep = list[int](), BatchKVCache.filter

    def counted(layer: BatchKVCache, rows: list[int]) -> None:
        kept.append(len(rows))
        keep(layer, rows)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(BatchKVCache, "filter", counted)
    batch = Batch(tiny.engine(slots=8, prompts_at_once=8))
    for number, most in enumerate((3, 9, 3, 3, 9, 9)):
        batch.admit(str(number), prompt(tokens(20, number + 2), max_tokens=most))
    batch.run()
    layers = 2
    assert kept == [3] * layers  # whoever stays is copied, so once; and nothing when all end


def test_prompts_of_one_request_have_their_answers_in_order() -> None:
    engine, prompts = tiny.engine(), [tokens(10), tokens(300), tokens(40, 5)]
    alone = [answers(run(engine, prompt(one, n=2, temperature=0.9, seed=4))) for one in prompts]
    batch = run(engine, prompt(*prompts, n=2, temperature=0.9, seed=4))
    assert answers(batch) == [text for texts in alone for text in texts]
    usage = batch.usage("0")
    assert (usage.prompt_tokens, usage.completion_tokens) == (350, 36)


def test_an_echo_is_the_prompt_before_the_answer() -> None:
    engine = tiny.engine()
    (answer,) = answers(run(engine, prompt("hello there")))
    assert answers(run(engine, prompt("hello there", echo=True))) == ["hello there" + answer]


@pytest.mark.parametrize("length", [2, 40, 600])
def test_an_echo_s_log_probabilities_are_the_model_s(length: int) -> None:
    model = tiny.model()
    ids = tokens(length)
    batch = run(tiny.engine(model), prompt(ids, echo=True, logprobs=2, max_tokens=0))
    x = model(mx.array([ids]))[0]
    expected = (x - mx.logsumexp(x, axis=-1, keepdims=True)).tolist()
    first, *others = told(batch, "0")
    assert first.logprob is None and len(others) == length - 1
    for at, one in enumerate(others):
        assert one.logprob == pytest.approx(expected[at][ids[at + 1]], abs=1e-3)
        assert [top.logprob for top in one.top] == pytest.approx(sorted(expected[at])[:-3:-1], abs=1e-3)
    assert batch.reason("0") == "length"


def test_nothing_said_is_an_answer_too() -> None:
    batch = run(tiny.engine(), prompt(tokens(20), max_tokens=0, n=2, echo=True))
    assert answers(batch) == [tiny.tokenizer().decode(list(tokens(20)))] * 2
    assert batch.usage("0").completion_tokens == 0


def test_more_answers_than_slots_take_turns() -> None:
    engine = tiny.engine(slots=3)
    expected = answers(run(tiny.engine(), prompt(tokens(30), n=8, temperature=1.0, seed=1, echo=True, logprobs=0)))
    batch = run(engine, prompt(tokens(30), n=8, temperature=1.0, seed=1, echo=True, logprobs=0))
    assert answers(batch) == expected
    assert [len(told(batch, "0", index)) for index in range(8)] == [36] * 8


def test_requests_are_let_in_while_there_are_slots_and_bytes() -> None:
    a_row = kv.Kv(tiny.model()).size(100 + 6)
    engine = tiny.engine(slots=4, max_kv_bytes=2.5 * a_row)
    one, several = engine.prepare(prompt(tokens(100))), engine.prepare(prompt(tokens(10), n=4))
    assert engine.has_room([one]) and engine.has_room([one, one]) and not engine.has_room([one, one, one])
    assert engine.has_room([several])
    engine.admit("0", one)
    assert engine.has_room([one]) and not engine.has_room([one, one]) and not engine.has_room([several])
    engine.drop("0")
    assert engine.has_room([engine.prepare(prompt(tokens(1000)))])  # one alone may always try


def test_caches_stay_within_their_bytes_and_everybody_is_answered() -> None:
    model = tiny.model()
    budget = 3 * kv.Kv(model).size(300)
    jobs = [prompt(tokens(20, step), max_tokens=300) for step in range(3, 11)]
    alone = [answers(run(tiny.engine(model), one)) for one in jobs]
    engine = tiny.engine(model, max_kv_bytes=budget)
    batch, most = Batch(engine), 0
    for number, one in enumerate(jobs):
        batch.admit(str(number), one)
    while not all(map(batch.ended, batch.heard)):
        batch.step()
        most = max(most, engine._batch.nbytes)
    assert [[batch.text(str(number))] for number in range(8)] == alone
    assert budget / 2 < most < 1.5 * budget  # a step may go beyond before somebody pauses


def test_a_long_row_is_not_padded_together_with_a_short_one() -> None:
    engine = tiny.engine()
    engine._batch._groups._weights = 10_000  # as if the model were small beside its caches
    batch = Batch(engine)
    for name, length in (("short", 10), ("long", 900), ("like short", 14)):
        batch.admit(name, prompt(tokens(length), max_tokens=60))
    while len(engine._batch._groups.all) < 2 or sum(len(group.rows) for group in engine._batch._groups.all) < 3:
        batch.step()
    groups = {tuple(sorted(row.job for row in group.rows)) for group in engine._batch._groups.all}
    assert groups == {("like short", "short"), ("long",)}
    batch.run()


def test_a_short_prompt_passes_a_long_one_and_the_long_one_still_ends() -> None:
    batch = Batch(tiny.engine(chunk=16))
    batch.admit("long", prompt(tokens(900)))
    batch.step()
    for number in range(12):
        batch.admit(f"short {number}", prompt(tokens(20, number + 2)))
    while not batch.ended("short 0"):
        batch.step()
    assert not batch.text("long")
    batch.run()


@pytest.mark.parametrize("length", [1, 2, 1023])
def test_prompts_of_any_length_are_answered(length: int) -> None:
    batch = run(tiny.engine(), prompt(tokens(length), max_tokens=1))
    assert batch.usage("0").prompt_tokens == length and batch.reason("0") == "length"


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (CompletionRequest((tokens(1024),)), "prompt"),
        (CompletionRequest(((1, 2), tokens(2000))), "prompt[1]"),
        (ChatRequest((Message("user", "word " * 2000),)), "messages"),
    ],
)
def test_what_leaves_no_room_for_an_answer_is_refused(request_: Any, param: str) -> None:
    with pytest.raises(ContextLengthExceeded, match="context length is 1024") as caught:
        tiny.engine().prepare(job(request_))
    assert caught.value.failure.param == param


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (CompletionRequest(((5, 517),)), "prompt[1]"),
        (CompletionRequest(((1,), (-1,))), "prompt[1][0]"),
        (CompletionRequest(("",)), "prompt"),
        (CompletionRequest(((5,),), logit_bias=((600, 1.0),)), "logit_bias.600"),
        (DetokenizeRequest((5, 600)), "tokens[1]"),
    ],
)
def test_what_the_model_does_not_have_is_refused_by_name(request_: Any, param: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        tiny.engine().prepare(job(request_))
    assert caught.value.failure.param == param


def test_tokens_and_text_and_the_template_s_text_are_told_without_the_batch() -> None:
    engine, words = tiny.engine(), tiny.tokenizer()
    text, done = engine.prepare(job(TokenizeRequest("hello"))).events
    assert isinstance(text, events.Tokens) and list(text.tokens) == words.encode("hello")
    assert isinstance(done, events.Done) and done.usage.prompt_tokens == len(text.tokens)
    back, _ = engine.prepare(job(DetokenizeRequest(text.tokens))).events
    assert isinstance(back, events.Tokens) and back.text == "hello"
    chat = (Message("system", "be kind"), Message("user", "hi"))
    rendered, _ = engine.prepare(job(RenderRequest(chat))).events
    assert isinstance(rendered, events.Tokens)
    assert rendered.text == "<system>be kind</s><user>hi</s><assistant>"
    (asked,) = engine.prepare(job(ChatRequest(chat))).plan.prompts
    assert list(rendered.tokens) == asked


def test_an_answer_may_be_begun_for_the_model() -> None:
    chat = (Message("user", "hi"), Message("assistant", "Dear"))
    rendered, _ = tiny.engine().prepare(job(RenderRequest(chat, prefill=True))).events
    assert isinstance(rendered, events.Tokens) and rendered.text == "<user>hi</s><assistant>Dear"

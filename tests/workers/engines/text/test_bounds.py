"""What a request makes large is refused before it is worked on, and others are answered meanwhile."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tasks.values import events
from tasks.values.errors import ContextLengthExceeded, InvalidValue, JobCancelled, JobError
from tasks.values.messages import Message, ToolCall
from tasks.values.requests import (
    ChatRequest,
    CompletionRequest,
    Constraint,
    DetokenizeRequest,
    RenderRequest,
    TokenizeRequest,
    Tool,
    ToolChoice,
)
from tests.workers.engines.rows import chat, job, run, texts
from tests.workers.engines.text import tiny
from workers.engines.lm import TextEngine
from workers.engines.text import prompts as module
from workers.serving.check_deadline import CheckDeadline
from workers.serving.request_budget import Budget

A, A_B = "a" * 10_000_000, "a b" * 10_000_000


@pytest.fixture(scope="module")
def engine() -> TextEngine:
    return tiny.engine()


def turns(text: str, **more: Any) -> tuple[Message, ...]:
    return (Message("user", text, **more),)


LARGE = [
    (TokenizeRequest(A), "prompt"),
    (TokenizeRequest(A_B), "prompt"),
    (ChatRequest(messages=turns(A)), "messages"),
    (ChatRequest(messages=turns(A_B)), "messages"),
    (ChatRequest(messages=(Message("assistant", "", reasoning=A), *turns("hi"))), "messages"),
    (ChatRequest(messages=(Message("assistant", "", calls=(ToolCall("1", "f", A),)), *turns("hi"))), "messages"),
    (ChatRequest(messages=turns("a") * 100_000), "messages"),
    (ChatRequest(messages=turns("a"), tools=(Tool("f", A),)), "messages"),
    (RenderRequest(messages=turns(A)), "messages"),
    (CompletionRequest(prompts=(A,)), "prompt"),
    (CompletionRequest(prompts=("fine", A_B)), "prompt[1]"),
    (CompletionRequest(prompts=((5,) * 3_000_000,)), "prompt"),
    (DetokenizeRequest((5,) * 3_000_000), "tokens"),
]


@pytest.mark.parametrize(("request_", "param"), LARGE)
def test_what_cannot_fit_is_refused_at_once(
    engine: TextEngine, request_: Any, param: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, sizes = engine._prompts._encoder, list[int]()
    plain = encoder._encode

    def encode(given: Any, special: bool) -> list[list[int]]:
        sizes.extend(map(len, given))
        return plain(given, special)

    monkeypatch.setattr(encoder, "_encode", encode)
    with pytest.raises(ContextLengthExceeded) as caught:
        engine.prepare(job(request_))
    assert caught.value.failure.param == param
    assert sum(sizes) < 40 * encoder.context


def test_what_is_no_prompt_may_be_somewhat_longer(engine: TextEngine) -> None:
    assert engine.prepare(job(TokenizeRequest("word " * 700))).prompt_tokens > 1024
    assert engine.prepare(job(DetokenizeRequest((5,) * 2000))).prompt_tokens == 2000


def test_prompts_are_bounded_together(engine: TextEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOGETHER", 1500)
    with pytest.raises(InvalidValue, match="1500 tokens together") as caught:
        engine.prepare(job(CompletionRequest(prompts=((5,) * 800, (6,) * 800))))
    assert caught.value.failure.param == "prompt[1]"


def test_a_long_text_keeps_nobody_from_the_tokenizer() -> None:
    """The text fits into four times this context, and is tokenised: its check takes seconds, the others' do not."""
    engine = tiny.engine(context=1 << 20)
    begun, ended = threading.Event(), threading.Event()
    encoder = engine._prompts._encoder
    plain = encoder._encode

    def encode(given: Any, special: bool) -> list[list[int]]:
        if len(given[0]) > 1_000_000:
            begun.set()
        return plain(given, special)

    encoder._encode = encode

    def check() -> None:
        engine.prepare(job(TokenizeRequest("a b" * 700_000)))
        ended.set()

    thread = threading.Thread(target=check)
    thread.start()
    assert begun.wait(30)
    answers = 0
    while not ended.is_set():
        texts(engine, [chat("hi", max_tokens=2)])
        answers += 1
    thread.join()
    assert answers >= 2


def test_requests_that_wait_are_bounded_by_their_memory(engine: TextEngine) -> None:
    short = tiny.engine()
    object.__setattr__(short._planner, "budget", Budget(40 * 100))
    large = job(CompletionRequest(prompts=((5,) * 90,)))
    waiting = short.prepare(large)
    with pytest.raises(JobCancelled):
        short.prepare(large, CheckDeadline(lambda: False))
    short.admit("row", waiting)  # what runs waits no more
    short.prepare(large, CheckDeadline(lambda: False))


DEEP = ["[" * 20_000, "[" * 20_000 + "]" * 20_000, "[" * 900 + "]" * 900, '{"a":' * 500 + "1" + "}" * 500]


@pytest.mark.parametrize("arguments", DEEP)
@pytest.mark.parametrize("request_", [ChatRequest, RenderRequest])
def test_arguments_of_any_depth_are_shown_as_text_or_refused(engine: TextEngine, request_: Any, arguments: str) -> None:
    call = Message("assistant", "", calls=(ToolCall("1", "f", arguments),))
    try:
        engine.prepare(job(request_(messages=(call, Message("tool", "2", call_id="1")))))
    except JobError as error:
        assert error.failure.param == "messages"


def test_a_grammar_that_ends_in_nothing_is_the_request_s_fault(engine: TextEngine) -> None:
    """Nothing is both an a and a b, which is found out when it is its turn."""
    rule = Constraint("grammar", 'start: "xy" T\nT: /a/ & /b/', "guided_grammar")
    batch = run(engine, chat("hi", constraint=rule), chat("hi"))
    failed = batch.heard["0"][-1]
    assert isinstance(failed, events.Failed)
    assert (failed.failure.code, failed.failure.param) == ("invalid_value", "guided_grammar")
    assert isinstance(batch.heard["1"][-1], events.Done)


def test_a_tool_whose_arguments_never_end_is_refused_by_its_field(engine: TextEngine) -> None:
    endless = {"type": "array", "items": {"$ref": "#/$defs/a"}, "minItems": 1}
    properties = {"properties": {"a": {"$ref": "#/$defs/a"}}, "required": ["a"]}
    tool = Tool("f", parameters={**properties, "$defs": {"a": endless}})
    with pytest.raises(InvalidValue) as caught:
        engine.prepare(job(ChatRequest(messages=turns("hi"), tools=(tool,), tool_choice=ToolChoice("required"))))
    assert caught.value.failure.param == "tools[0].function.parameters"


def test_a_refusal_takes_no_time(engine: TextEngine) -> None:
    began = time.process_time()
    for request_, _ in LARGE:
        with pytest.raises(ContextLengthExceeded):
            engine.prepare(job(request_))
    assert time.process_time() - began < len(LARGE)  # seconds; each takes a fraction of one

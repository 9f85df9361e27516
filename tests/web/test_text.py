"""What checked bodies ask of a model."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tasks.requests import ChatRequest, CompletionRequest, Message, RenderRequest, TokenizeRequest
from web import chat, chat_render, completions, tokenize
from web.endpoint import Endpoint

USER = {"role": "user", "content": "hi"}
BEGUN = {"role": "assistant", "content": "Well,"}


def payload(endpoint: Endpoint, **body: Any) -> Any:
    return endpoint.payload(endpoint.schema().load({"model": "m", **body}))


def talk(*messages: dict[str, Any], **more: Any) -> ChatRequest:
    asked = payload(chat.ENDPOINT, messages=list(messages or (USER,)), **more)
    assert isinstance(asked, ChatRequest)
    return asked


def test_a_body_that_says_nothing_leaves_all_to_the_model() -> None:
    assert talk() == ChatRequest((Message("user", "hi"),))
    assert payload(completions.ENDPOINT, prompt="hi") == CompletionRequest(("hi",), max_tokens=16)


@pytest.mark.parametrize("endpoint", [(chat.ENDPOINT, {"messages": [USER]}), (completions.ENDPOINT, {"prompt": "hi"})])
def test_every_way_to_choose_tokens_is_passed_on(endpoint: tuple[Endpoint, dict[str, Any]]) -> None:
    numbers = {
        "max_tokens": 5, "temperature": 0.5, "top_p": 0.9, "top_k": 40, "min_p": 0.1, "xtc_probability": 0.2,
        "xtc_threshold": 0.3, "repetition_penalty": 1.1, "repetition_context_size": 30, "presence_penalty": 0.4,
        "frequency_penalty": -0.4, "seed": -(2**63), "n": 2,
    }  # fmt: skip
    asked = payload(endpoint[0], **endpoint[1], **numbers, logit_bias={"7": 1, "8": -2}, stop=["a", "b"])
    told = msgspec.to_builtins(asked)
    assert {name: told[name] for name in numbers} == numbers
    assert (asked.logit_bias, asked.stop) == (((7, 1.0), (8, -2.0)), ("a", "b"))
    assert payload(endpoint[0], **endpoint[1], top_k=-1).top_k == 0


@pytest.mark.parametrize(
    ("asked", "told"),
    [({}, None), ({"logprobs": False}, None), ({"logprobs": True}, 0), ({"logprobs": True, "top_logprobs": 3}, 3)],
)
def test_a_chat_s_log_probabilities(asked: dict[str, Any], told: int | None) -> None:
    assert talk(**asked).logprobs == told


def test_either_name_limits_a_chat_s_answer() -> None:
    assert talk(max_tokens=3).max_tokens == talk(max_completion_tokens=3).max_tokens == 3


def test_a_developer_is_the_system_and_names_are_kept() -> None:
    asked = talk({"role": "developer", "content": "be kind", "name": "boss"}, USER)
    assert asked.messages[0] == Message("system", "be kind", "boss")


@pytest.mark.parametrize(
    ("messages", "prefill"),
    [
        ([USER], False),
        ([USER, BEGUN], True),
        ([USER, {**BEGUN, "partial": True}], True),
        ([USER, {**BEGUN, "partial": False}], False),
        ([USER, BEGUN, USER], False),
    ],
)
def test_an_assistant_s_last_message_is_the_beginning_of_the_answer(messages: Any, prefill: bool) -> None:
    assert talk(*messages).prefill is prefill
    assert payload(chat_render.ENDPOINT, messages=messages).prefill is prefill


def test_the_template_s_own_options_win() -> None:
    assert talk(reasoning_effort="low").template_options == {"reasoning_effort": "low"}
    options = {"reasoning_effort": "none", "enable_thinking": False}
    assert talk(reasoning_effort="low", chat_template_kwargs=options).template_options == options


def test_a_completion_s_prompts_are_texts_or_tokens() -> None:
    assert payload(completions.ENDPOINT, prompt=[[1], [2, 3]]).prompts == ((1,), (2, 3))
    asked = payload(completions.ENDPOINT, prompt=["a", "b"], echo=True, max_tokens=0, logprobs=2)
    assert asked == CompletionRequest(("a", "b"), True, max_tokens=0, logprobs=2)


def test_what_is_tokenized_is_a_text_or_a_conversation_as_a_chat_reads_it() -> None:
    assert payload(tokenize.ENDPOINT, prompt="") == TokenizeRequest("")
    assert payload(tokenize.ENDPOINT, prompt="a", add_special_tokens=False) == TokenizeRequest("a", False)
    for endpoint in (tokenize.ENDPOINT, chat_render.ENDPOINT):
        asked = payload(endpoint, messages=[USER], add_generation_prompt=False, reasoning_effort="high")
        read = RenderRequest((Message("user", "hi"),), False, {"reasoning_effort": "high"}, False)
        assert asked == read

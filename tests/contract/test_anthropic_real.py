"""Anthropic's SDK and the smallest model: what only an engine can show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic import beta_tool
from pydantic import BaseModel

from tests.support.servers import Stack

MODEL = "smollm2-135m-instruct"
CAPITAL: Any = {"role": "user", "content": "What is the capital of France?"}
GREEDY = {"temperature": 0}


@pytest.fixture
def client(real_stack: Stack) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=real_stack.url, api_key="none", max_retries=0) as client:
        yield client


def asked(client: anthropic.Anthropic, *turns: Any, **more: Any) -> anthropic.types.Message:
    return client.messages.create(model=MODEL, messages=turns or [CAPITAL], max_tokens=40, extra_body=GREEDY, **more)


def said(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_the_stop_sequence_that_ended_an_answer_is_named(client: anthropic.Anthropic) -> None:
    message = asked(client, stop_sequences=["nowhere", "Paris"])
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "Paris")
    assert said(message) == "The capital of France is "
    with client.messages.stream(
        model=MODEL, messages=[CAPITAL], max_tokens=40, stop_sequences=["Paris"], extra_body=GREEDY
    ) as stream:
        final = stream.get_final_message()
    assert (final.stop_reason, final.stop_sequence, said(final)) == ("stop_sequence", "Paris", said(message))


def test_an_answer_that_was_begun_goes_on(client: anthropic.Anthropic) -> None:
    message = asked(client, CAPITAL, {"role": "assistant", "content": "The capital of"})
    assert (said(message), message.stop_reason) == (" France is Paris.", "end_turn")


def test_what_is_counted_is_what_is_read(client: anthropic.Anthropic) -> None:
    tool: Any = {"name": "look", "input_schema": {"type": "object", "properties": {}}}
    for more in ({}, {"system": "Be brief."}, {"tools": [tool]}):
        counted = client.messages.count_tokens(model=MODEL, messages=[CAPITAL], **more)  # type: ignore[arg-type]
        usage = asked(client, **more).usage
        assert counted.input_tokens == usage.input_tokens + (usage.cache_read_input_tokens or 0)


def test_a_prompt_can_be_read_into_the_cache(client: anthropic.Anthropic) -> None:
    turn: Any = {"role": "user", "content": "One two three four five six seven eight nine ten. " * 20}
    message = client.messages.create(model=MODEL, messages=[turn], max_tokens=0)
    assert (message.content, message.stop_reason, message.usage.output_tokens) == ([], "max_tokens", 0)
    cached = asked(client, turn).usage.cache_read_input_tokens
    assert cached is not None and cached > 100


def test_a_prompt_that_is_too_long_is_told_in_the_words_that_agents_know(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="prompt is too long"):
        asked(client, {"role": "user", "content": "word " * 20_000})


def test_the_tool_runner_comes_to_an_answer(client: anthropic.Anthropic) -> None:
    looked = []

    @beta_tool
    def get_weather(city: str) -> str:
        """What the weather is like.

        Args:
            city: The name of the city.
        """
        looked.append(city)
        return f"It is 18 degrees in {city}."

    runner = client.beta.messages.tool_runner(
        model=MODEL,
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        tools=[get_weather],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        max_tokens=60,
        extra_body=GREEDY,
    )
    reasons = []
    for message in runner:
        reasons.append(message.stop_reason)
        runner.set_messages_params(lambda params: {**params, "tool_choice": {"type": "none"}})  # type: ignore[typeddict-item]
    assert len(looked) == 1 and reasons[0] == "tool_use" and reasons[1:] in (["end_turn"], ["max_tokens"])


class Person(BaseModel):
    name: str
    age: int


def test_an_answer_is_a_pydantic_value(client: anthropic.Anthropic) -> None:
    message = client.messages.parse(
        model=MODEL,
        messages=[{"role": "user", "content": "Ann is 5."}],
        max_tokens=80,
        output_format=Person,
        extra_body=GREEDY,
    )
    assert isinstance(message.parsed_output, Person)

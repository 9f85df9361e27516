"""What a prompt is answered does not depend on who else is asking."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.support.rounds import rounds
from tests.support.servers import Stack
from tests.workers.engines.rows import chat

if TYPE_CHECKING:
    from workers.engines.lm import TextEngine

MODEL = "smollm2-135m-instruct"
TOKENS = rounds(12, 24)
ALONE = rounds(4, 1)  # each so many of them is also asked alone
TIE = 1e-4  # of log probability: float32 sums in another order may fall either way
SUBJECTS = ["the sea", "a cat", "Paris", "bread", "the moon", "chess", "rain", "music"]
ASKED = ["Name three facts about {}.", "Why do people like {}?", "Write a line about {}.", "Explain {} to a child."]
PROMPTS = [ask.format(subject) for subject in SUBJECTS for ask in ASKED]


@pytest.mark.timeout(600)
def test_thirty_two_streams_at_once_say_what_each_says_alone(
    real_stack: Stack, text_engine: TextEngine, record_property: Callable[[str, object], None]
) -> None:
    client = openai.OpenAI(base_url=f"{real_stack.url}/v1", api_key="none", max_retries=0, timeout=300)
    alone = {number: ask(client, PROMPTS[number], stream=False) for number in range(0, len(PROMPTS), ALONE)}
    with ThreadPoolExecutor(len(PROMPTS)) as pool:
        together = list(pool.map(lambda prompt: ask(client, prompt, stream=True), PROMPTS))

    assert len(PROMPTS) == 32 and all(together) and len(set(together)) > 24
    other = [number for number, answer in alone.items() if answer != together[number]]
    record_property("diverged", len(other))
    assert len(other) <= 1, [(alone[number], together[number]) for number in other]
    for number in other:
        assert gap(text_engine, PROMPTS[number], alone[number], together[number]) <= TIE


def ask(client: openai.OpenAI, prompt: str, *, stream: bool) -> str:
    request: dict[str, Any] = {
        "model": MODEL,
        "messages": [{"role": "user", "content": prompt}],
        "temperature": 0,
        "max_tokens": TOKENS,
    }
    if not stream:
        return client.chat.completions.create(**request).choices[0].message.content or ""
    chunks = client.chat.completions.create(**request, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def gap(engine: TextEngine, prompt: str, one: str, other: str) -> float:
    """How far apart the model holds the two tokens at which two answers part."""
    import mlx.core as mx

    first, second = (list(engine._prompts.encode(text, special=False)) for text in (one, other))
    at = next(at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)
    tokens = [*engine.prepare(chat(prompt)).plan.prompts[0], *first[:at]]
    logits = engine._batch._groups._model(mx.array([tokens]))[0, -1]
    return abs(float((logits[first[at]] - logits[second[at]]).item()))

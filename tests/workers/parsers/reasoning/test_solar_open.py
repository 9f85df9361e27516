"""Solar's thinking, and the markers of the turn that follows it."""

from __future__ import annotations

import pytest

from tests.workers.parsers.reasoning.answers import agreed
from workers.parsers.grammar_parts import Free, Maybe
from workers.parsers.parser_events import ParserEvent, Text, Thought
from workers.parsers.reasoning import solar_open

CALL = "<|tool_calls|><|tool_call:begin|>1<|tool_call:name|>f<|tool_call:args|>{}<|tool_call:end|>"


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("<|think|>Hm.<|end|><|begin|>assistant<|content|>Hello.", [Thought("Hm."), Text("Hello.")]),
        ("<|content|>Hello.", [Text("Hello.")]),
        ("<|think|>Hm.<|content|>Hello.<|end|>", [Thought("Hm."), Text("Hello.")]),
        ("<|think|>Hm.<|end|><|begin|>assistant" + CALL, [Thought("Hm."), Text(CALL)]),
        ("<|content|>So.<|end|><|begin|>assistant" + CALL, [Text("So." + CALL)]),
        ("<|content|>a <|end|> b", [Text("a <|end|> b")]),
        ("<|think|>Hm", [Thought("Hm")]),
    ],
)
def test_thinking_answer_and_calls_are_told_apart(text: str, pieces: list[ParserEvent]) -> None:
    assert agreed(lambda: solar_open.parser(False), text) == pieces


def test_an_empty_thought_in_the_prompt_turns_it_off() -> None:
    assert not solar_open.begun("<|begin|>assistant<|think|><|end|><|begin|>assistant")
    assert solar_open.begun("<|begin|>assistant<|think|>")


def test_a_grammar_lets_it_think_first() -> None:
    turn = [Free("<|end|>"), "<|begin|>assistant"]
    assert list(solar_open.prelude(True)) == [*turn, Maybe(["<|content|>"])]
    assert list(solar_open.prelude(False)) == [Maybe(["<|think|>", *turn]), Maybe(["<|content|>"])]

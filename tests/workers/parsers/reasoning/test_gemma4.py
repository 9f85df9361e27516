"""Gemma's channel of thought."""

from __future__ import annotations

import pytest

from tests.workers.parsers.reasoning.answers import agreed
from workers.parsers.grammar_parts import Free, Maybe
from workers.parsers.parser_events import ParserEvent, Text, Thought
from workers.parsers.reasoning import gemma4


@pytest.mark.parametrize(
    ("text", "begun", "pieces"),
    [
        ("<|channel>thought\nHm.\n<channel|>Hello.", False, [Thought("Hm."), Text("Hello.")]),
        ("<|channel>thought\n<channel|>Hello.", False, [Text("Hello.")]),
        ("<|channel>thought\nHm", False, [Thought("Hm")]),
        ("Hm.<channel|>Hello.", True, [Thought("Hm."), Text("Hello.")]),
        ("Hello.", False, [Text("Hello.")]),
        ("Before\n<|channel>Hm.<channel|>\nHello.", False, [Text("Before\n"), Thought("Hm."), Text("Hello.")]),
        ("Hm.<channel|>Hello.", False, [Text("Hm.Hello.")]),  # closed though it was not open
        ("<|channel>thousand<channel|>Hello.", False, [Thought("thousand"), Text("Hello.")]),
    ],
)
def test_thinking_and_answer_are_told_apart(text: str, begun: bool, pieces: list[ParserEvent]) -> None:
    assert agreed(lambda: gemma4.parser(begun), text) == pieces


def test_an_empty_thought_in_the_prompt_turns_it_off() -> None:
    assert not gemma4.begun("<|turn>model\n<|channel>thought\n<channel|>")
    assert not gemma4.begun("<|turn>model\n")
    assert gemma4.begun("<|turn>model\n<|channel>thought\n")


def test_a_grammar_lets_it_think_first() -> None:
    assert list(gemma4.prelude(False)) == [Maybe(["<|channel>thought\n", Free("<channel|>")])]

"""DeepSeek's thinking, which its prompts open or close."""

from __future__ import annotations

import pytest

from tests.workers.parsers.reasoning.reading import agreed
from workers.parsers.parser_events import ParserEvent, Text, Thought
from workers.parsers.reasoning import deepseek_r1


@pytest.mark.parametrize(
    ("prompt", "begun"),
    [
        ("<｜User｜>Hi<｜Assistant｜><think>\n", True),
        ("<｜User｜>Hi<｜Assistant｜><think>", True),
        ("<｜User｜>Hi<｜Assistant｜></think>", False),
        ("<｜tool▁output▁begin｜>4<｜tool▁output▁end｜><｜tool▁outputs▁end｜>", False),
    ],
)
def test_the_prompt_says_whether_it_has_begun(prompt: str, begun: bool) -> None:
    assert deepseek_r1.begun(prompt) is begun


@pytest.mark.parametrize(
    ("text", "begun", "pieces"),
    [
        ("Okay.\n</think>\n\n4", True, [Thought("Okay."), Text("4")]),
        ("<think>\nOkay.\n</think>\n\n4", False, [Thought("Okay."), Text("4")]),
        ("4", False, [Text("4")]),
    ],
)
def test_thinking_and_answer_are_told_apart(text: str, begun: bool, pieces: list[ParserEvent]) -> None:
    assert agreed(lambda: deepseek_r1.parser(begun), text) == pieces

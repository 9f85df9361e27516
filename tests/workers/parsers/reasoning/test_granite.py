"""Granite's two ways to mark thoughts and responses."""

from __future__ import annotations

import pytest

from tests.workers.parsers.reasoning.answers import agreed
from workers.parsers.parser_events import ParserEvent, Text, Thought
from workers.parsers.reasoning import granite


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("<think>Hm.</think><response>Hello.</response>", [Thought("Hm."), Text("Hello.")]),
        ("<think>Hm.</think>\n<response>\nHello.", [Thought("Hm."), Text("Hello.")]),
        (
            "Here is my thought process:\nHm.\n\nHere is my response:\nHello.",
            [Thought("Hm."), Text("Hello.")],
        ),
        ("Here's my thought process: Hm.", [Thought(" Hm.")]),
        ("Here is my thought", [Text("Here is my thought")]),
        ("So. Here is my thought process: none.", [Text("So. Here is my thought process: none.")]),
        ("Here is my response: Hello.", [Text("Here is my response: Hello.")]),  # nobody has thought
    ],
)
def test_thinking_and_answer_are_told_apart(text: str, pieces: list[ParserEvent]) -> None:
    assert agreed(lambda: granite.parser(False), text) == pieces


def test_its_prompts_leave_it_to_the_model() -> None:
    assert not granite.begun("<|start_of_role|>assistant<|end_of_role|>")
    assert granite.begun("<|start_of_role|>assistant<|end_of_role|><think>")

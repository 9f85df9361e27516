"""Thinking that the prompt opens, so that answers hold its end only."""

from __future__ import annotations

import pytest

from tests.workers.parsers.reasoning.reading import agreed
from workers.parsers.parser_events import ParserEvent, Text, Thought
from workers.parsers.reasoning import qwen3_moe


@pytest.mark.parametrize(
    ("prompt", "begun"),
    [
        ("<|im_start|>assistant\n<think>\n", True),
        ("<|im_start|>assistant\n", True),
        ("<|im_start|>assistant\n<think>\n\n</think>\n\n", False),  # enable_thinking=false
        ("<think>a</think>b<|im_end|>\n<|im_start|>assistant\n", True),
        ("]~b]ai\n<think>a</think>b[e~[\n]~b]ai\n<think>\n", True),
        ("<|im_start|>assistant\n<think>\n\n</think>\n\nThe answer is", False),  # a beginning that is to be continued
        ("<|assistant|></think>", False),  # as GLM-4.7 turns it off
        ("<|im_start|>assistant\n<think></think>", False),  # and Nemotron 3
    ],
)
def test_it_has_begun_unless_the_prompt_has_closed_it(prompt: str, begun: bool) -> None:
    assert qwen3_moe.begun(prompt) is begun


@pytest.mark.parametrize(
    ("text", "begun", "pieces"),
    [
        ("Hm.\n</think>\n\nHello.", True, [Thought("Hm."), Text("Hello.")]),
        ("Hm, and so", True, [Thought("Hm, and so")]),  # cut off: no answer, and no marker that nobody wrote
        ("<think>\nHm, and so", True, [Thought("Hm, and so")]),
        ("Hello.", False, [Text("Hello.")]),
        ("<think>\nAll the same.\n</think>\nHello.", False, [Thought("All the same."), Text("Hello.")]),
    ],
)
def test_thinking_and_answer_are_told_apart(text: str, begun: bool, pieces: list[ParserEvent]) -> None:
    assert agreed(lambda: qwen3_moe.parser(begun), text) == pieces

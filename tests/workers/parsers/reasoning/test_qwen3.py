"""Thinking that the model opens itself."""

from __future__ import annotations

import pytest

from tests.workers.parsers.reasoning.answers import agreed
from workers.parsers.grammar_parts import Free, Maybe
from workers.parsers.parser_events import ParserEvent, Text, Thought
from workers.parsers.reasoning import qwen3


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Hello.", [Text("Hello.")]),
        ("<think>\nHm.\n</think>\n\nHello.\n", [Thought("Hm."), Text("Hello.\n")]),
        ("\n<think>Hm.</think>\nHello.", [Thought("Hm."), Text("Hello.")]),  # as GLM-4.5 writes it
        ("<think>\n\n</think>\n\nHello.", [Text("Hello.")]),
        ("<think></think>", []),
        ("<think>\n\n  a\n\n\n b \n </think>x", [Thought("\n  a\n\n\n b"), Text("x")]),
        ("First.\n<think>\nHm.\n</think>\nThen.", [Text("First.\n"), Thought("Hm."), Text("Then.")]),
        ("<think>a</think>b<think>c</think>d", [Thought("a"), Text("b<think>c</think>d")]),
        ("<think>a</think>\n<think>b</think>\nc", [Thought("a"), Text("<think>b</think>\nc")]),
        ("Use <think> to think.", [Text("Use <think> to think.")]),
        ("<think>\nHm, so\n", [Thought("Hm, so\n")]),  # cut off
        ("<think>\nHm </thi", [Thought("Hm </thi")]),
        ("<think>", []),
        ("a <thin", [Text("a <thin")]),
        ("  \n", [Text("  \n")]),
        ("  so", [Text("  so")]),
        (
            "<think>1 < 2 <b>\n  </b> <think> is a tag</think>x",
            [Thought("1 < 2 <b>\n  </b> <think> is a tag"), Text("x")],
        ),
        ("<think>\n<think>\nTwice.</think>x", [Thought("Twice."), Text("x")]),
        ("Hello. </think>\n\nYes.", [Text("Hello. \n\nYes.")]),
        ("</think>\n\nHello.", [Text("Hello.")]),
    ],
)
def test_thinking_and_answer_are_told_apart(text: str, pieces: list[ParserEvent]) -> None:
    assert agreed(lambda: qwen3.parser(False), text) == pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("\nHm.\n</think>\n\nHello.", [Thought("Hm."), Text("Hello.")]),
        ("Hm.", [Thought("Hm.")]),
        ("<think>\nHm.\n</think>\n\nHello.", [Thought("Hm."), Text("Hello.")]),  # opened though it was open
        ("</think>Hello.", [Text("Hello.")]),
        ("\n\n</think>\n\nHello.", [Text("Hello.")]),
        ("\n\n", [Thought("\n")]),
    ],
)
def test_thinking_that_the_prompt_began_goes_on(text: str, pieces: list[ParserEvent]) -> None:
    assert agreed(lambda: qwen3.parser(True), text) == pieces


def test_only_a_prompt_that_ends_open_has_begun_it() -> None:
    assert qwen3.begun("<|im_start|>assistant\n<think>\n")
    assert not qwen3.begun("<|im_start|>assistant\n")
    assert not qwen3.begun("<|im_start|>user\nWhat is <think>?<|im_end|>\n<|im_start|>assistant\n")
    assert not qwen3.begun("<|im_start|>assistant\n<think>\n\n</think>\n\n")


def test_a_grammar_lets_it_think_first() -> None:
    assert list(qwen3.prelude(True)) == [Free("</think>")]
    assert list(qwen3.prelude(False)) == [Maybe(["<think>", Free("</think>")])]

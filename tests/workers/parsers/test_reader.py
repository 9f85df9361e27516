"""Thinking, text and calls out of one answer."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.parsers.calls import Calls
from tests.workers.parsers.reasoning.reading import agreed, cut, read
from workers.parsers.parser_events import Arguments, Called, ParserEvent, Returned, Text, Thought
from workers.parsers.reader import Reader
from workers.parsers.reasoning import mixed_think_tool_handoff, qwen3


def call(number: int, name: str) -> list[ParserEvent]:
    return [Called(number, name), Arguments(number, "{}"), Returned(number)]


def full() -> Reader:
    return Reader(qwen3.parser(False), Calls)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Hello.", [Text("Hello.")]),
        ("<think>\nHm.\n</think>\n\nHello.", [Thought("Hm."), Text("Hello.")]),
        ("<think>Hm.</think>So <call>f {}</call>", [Thought("Hm."), Text("So "), *call(0, "f")]),
        (
            "<think>Let me <call>f {}</call> see.</think>So <call>g {}</call>",
            [Thought("Let me "), *call(0, "f"), Thought(" see."), Text("So "), *call(1, "g")],
        ),
        (
            "<call>f {}</call><think>a<call>g {}</call></think><call>h {}</call><think><call>i {}</call>",
            [*call(0, "f"), Thought("a"), *call(1, "g"), *call(2, "h"), *call(3, "i")],
        ),
        # A call that the thinking cuts off is thinking, and swallows nothing of the answer.
        ("<think>Hm <call>f {</think>Hello.", [Thought("Hm <call>f {"), Text("Hello.")]),
        ("<think>Hm <cal</think>l>Hello.", [Thought("Hm <cal"), Text("l>Hello.")]),
        ("<think>Hm <call>f {", [Thought("Hm <call>f {")]),
        ("<think>Hm.</think>Hello. <call>f {", [Thought("Hm."), Text("Hello. <call>f {")]),
    ],
)
def test_calls_are_found_in_the_thinking_and_in_the_answer(text: str, pieces: list[ParserEvent]) -> None:
    assert agreed(full, text) == pieces


def test_a_reader_may_lack_either_parser() -> None:
    text = "<think>a</think>b <call>f {}</call>"
    assert agreed(lambda: Reader(None, None), text) == [Text(text)]
    assert agreed(lambda: Reader(qwen3.parser(False), None), text) == [Thought("a"), Text("b <call>f {}</call>")]
    assert agreed(lambda: Reader(None, Calls), text) == [Text("<think>a</think>b "), *call(0, "f")]


def test_a_call_handed_on_from_the_thinking_is_read_once() -> None:
    text = "<thinking>a <tool_call>x</tool_call> b</thinking> c"
    reader = agreed(lambda: Reader(mixed_think_tool_handoff.parser(False), Calls), text)
    assert reader == [Thought("a "), Text("<tool_call>x</tool_call>"), Thought(" b"), Text("c")]


parts = st.sampled_from(["<think>", "</think>", "<call>", "</call>", "f {}", "<thi", "</cal", "\n", " ", "a", "<"])


@given(text=st.lists(parts, max_size=20).map("".join), seed=st.integers(0, 1000))
def test_the_cut_changes_nothing(text: str, seed: int) -> None:
    whole = read(full(), [text])
    assert read(full(), list(text)) == whole
    assert read(full(), cut(text, random.Random(seed))) == whole
    numbers = [piece.number for piece in whole if isinstance(piece, Called)]
    assert numbers == list(range(len(numbers)))


@given(text=st.text(st.characters(exclude_characters="<", exclude_categories=["Cs"])))
def test_text_without_markers_loses_no_character(text: str) -> None:
    assert read(full(), list(text)) == ([Text(text)] if text else [])

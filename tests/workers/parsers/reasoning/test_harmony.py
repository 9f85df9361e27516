"""Harmony's channels: analysis is thinking, the others are the tool parser's."""

from __future__ import annotations

import pytest

from tests.workers.parsers.reasoning.reading import agreed
from workers.parsers.parser_events import Free, Maybe, Parser, ParserEvent, Text, Thought
from workers.parsers.reader import Reader
from workers.parsers.reasoning import harmony

ANALYSIS = "<|channel|>analysis<|message|>"
FINAL = "<|channel|>final<|message|>"
CALL = '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a":1}'


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (f"{ANALYSIS}Hm.<|end|><|start|>assistant{FINAL}Hello.", [Thought("Hm."), Text(f"{FINAL}Hello.")]),
        (f"{FINAL}Hello.", [Text(f"{FINAL}Hello.")]),
        (f"{ANALYSIS}Hm.<|end|><|start|>assistant{CALL}", [Thought("Hm."), Text(CALL)]),
        (
            f"{ANALYSIS}Hm.<|end|><|start|>assistant{CALL}<|call|><|start|>assistant{ANALYSIS}So.<|end|>",
            [Thought("Hm."), Text(f"{CALL}<|call|>"), Thought("So.")],
        ),
        (
            "<|start|>assistant to=functions.f<|channel|>commentary json<|message|>{}",
            [Text("<|start|>assistant to=functions.f<|channel|>commentary json<|message|>{}")],
        ),
        (f"{ANALYSIS}a\n <|end|><|start|>assistant{ANALYSIS}b", [Thought("a\n b")]),
        (f"{ANALYSIS}Hm.{FINAL}Hello.", [Thought("Hm."), Text(f"{FINAL}Hello.")]),  # its end is missing
        (f"{ANALYSIS}Hm.<|en", [Thought("Hm.<|en")]),
        ("Hello.", [Text("Hello.")]),
    ],
)
def test_analysis_is_taken_out_and_the_rest_left_as_it_is(text: str, pieces: list[ParserEvent]) -> None:
    assert agreed(lambda: harmony.parser(False), text) == pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (f"{ANALYSIS}Hm.<|end|><|start|>assistant{FINAL}Hello.<|return|>", [Thought("Hm."), Text("Hello.")]),
        (f"<|channel|>commentary<|message|>I look.<|end|><|start|>assistant{CALL}", [Text('I look.{"a":1}')]),
        ("<|start|>assistant to=functions.f<|channel|>commentary json<|message|>{}<|call|>", [Text("{}")]),
        (f"{FINAL}a\nb < c <|d", [Text("a\nb < c <|d")]),
        ("<|channel|>fin", []),
        ("Say <|channel|> and go on\nto the end", [Text("Say  and go on\nto the end")]),
        ("Hello.", [Text("Hello.")]),
    ],
)
def test_no_marker_is_left_where_no_tool_parser_reads_them(text: str, pieces: list[ParserEvent]) -> None:
    def reader() -> Parser:
        return Reader(harmony.parser(False), None)

    assert agreed(reader, text) == pieces


def test_a_prompt_may_have_begun_the_analysis() -> None:
    assert harmony.begun(f"<|start|>assistant{ANALYSIS}") and not harmony.begun("<|start|>assistant")
    assert agreed(lambda: harmony.parser(True), "Hm.<|end|>") == [Thought("Hm.")]


def test_a_grammar_lets_it_think_first() -> None:
    turn = [Free("<|end|>"), "<|start|>assistant"]
    assert list(harmony.prelude(True)) == turn
    assert list(harmony.prelude(False)) == [Maybe([ANALYSIS, *turn])]
    assert harmony.ANSWER == FINAL

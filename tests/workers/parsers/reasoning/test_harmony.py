"""Harmony's channels: analysis is thinking, the others are the answer and its calls."""

from __future__ import annotations

import pytest

from tests.workers.parsers.reasoning.answers import agreed
from workers.parsers.grammar_parts import Free, Maybe
from workers.parsers.parser_events import Arguments, CallBegun, CallEnded, ParserEvent, Text, Thought
from workers.parsers.reasoning import harmony
from workers.parsers.tools.json_arguments import harmony as tools

ANALYSIS = "<|channel|>analysis<|message|>"
FINAL = "<|channel|>final<|message|>"
CALL = '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a":1}'
CALLED: list[ParserEvent] = [CallBegun(0, "f"), Arguments(0, '{"a":1}'), CallEnded(0)]
NEXT = "<|call|><|start|>assistant"


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (f"{ANALYSIS}Hm.<|end|><|start|>assistant{FINAL}Hello.", [Thought("Hm."), Text("Hello.")]),
        (f"{FINAL}Hello.", [Text("Hello.")]),
        (f"{ANALYSIS}Hm.<|end|><|start|>assistant{CALL}", [Thought("Hm."), *CALLED]),
        (
            f"{ANALYSIS}Hm.<|end|><|start|>assistant{CALL}{NEXT}{ANALYSIS}So.<|end|>",
            [Thought("Hm."), *CALLED, Thought("So.")],
        ),
        # the recipient may stand before the channel, and any channel may hold a call
        ('<|start|>assistant to=functions.f<|channel|>commentary json<|message|>{"a":1}<|call|>', CALLED),
        ('<|start|>assistant to=functions.f<|channel|>analysis<|message|>{"a":1}<|call|>', CALLED),
        (' to=functions.f<|channel|>analysis<|message|>{"a":1}<|call|>', CALLED),
        ('<|channel|>analysis to=functions.f<|message|>{"a":1}<|call|>', CALLED),
        (f"{ANALYSIS}a\n <|end|><|start|>assistant{ANALYSIS}b", [Thought("a\n b")]),
        (f"{ANALYSIS}Hm.{FINAL}Hello.", [Thought("Hm."), Text("Hello.")]),  # its end is missing
        (f"{ANALYSIS}Hm.<|en", [Thought("Hm.<|en")]),
        ("Hello.", [Text("Hello.")]),
    ],
)
def test_analysis_is_thinking_and_calls_have_recipients(text: str, pieces: list[ParserEvent]) -> None:
    assert agreed(lambda: harmony.parser(False, tools.parser({})), text) == pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (f"{ANALYSIS}Hm.<|end|><|start|>assistant{FINAL}Hello.<|return|>", [Thought("Hm."), Text("Hello.")]),
        (f"<|channel|>commentary<|message|>I look.<|end|><|start|>assistant{CALL}", [Text('I look.{"a":1}')]),
        ("<|start|>assistant to=functions.f<|channel|>commentary json<|message|>{}<|call|>", [Text("{}")]),
        (f"{FINAL}a\nb < c <|d", [Text("a\nb < c <|d")]),
        ("Say <|channel|> and go on\nto the end", [Text("Say <|channel|> and go on\nto the end")]),
        ("Hello.", [Text("Hello.")]),
    ],
)
def test_no_marker_of_a_message_is_left_where_nobody_may_be_called(text: str, pieces: list[ParserEvent]) -> None:
    assert agreed(lambda: harmony.parser(False), text) == pieces


def test_a_prompt_may_have_begun_the_analysis() -> None:
    assert harmony.begun(f"<|start|>assistant{ANALYSIS}") and not harmony.begun("<|start|>assistant")
    assert agreed(lambda: harmony.parser(True), "Hm.<|end|>") == [Thought("Hm.")]


def test_a_grammar_lets_it_think_first() -> None:
    turn = [Free("<|end|>"), "<|start|>assistant"]
    assert list(harmony.prelude(True)) == turn
    assert list(harmony.prelude(False)) == [Maybe([ANALYSIS, *turn])]
    assert harmony.ANSWER == FINAL

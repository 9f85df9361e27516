"""Two spellings of the markers, and calls inside the thinking, which goes on."""

from __future__ import annotations

import pytest

from tests.workers.parsers.reasoning.answers import agreed
from workers.parsers.parser_events import Arguments, CallBegun, CallEnded, ParserEvent, Text, Thought
from workers.parsers.reasoning import mixed_think_tool_handoff as mixed
from workers.parsers.reasoning import step_35
from workers.parsers.tools.tags import qwen3_coder

CALL = "<tool_call>\n<function=f>\n</function>\n</tool_call>"


def called(number: int) -> list[ParserEvent]:
    return [CallBegun(number, "f"), Arguments(number, "{}"), CallEnded(number)]


@pytest.mark.parametrize("format", [mixed, step_35])
@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("<thinking>\nHm.\n</thinking>\nHello.", [Thought("Hm."), Text("Hello.")]),
        ("<think>\nHm.\n</think>\nHello.", [Thought("Hm."), Text("Hello.")]),
        ("<thinking>Hm.</think>Hello.", [Thought("Hm."), Text("Hello.")]),
        ("<think>First. " + CALL, [Thought("First. "), *called(0)]),
        ("<think>First.\n" + CALL + "\n</think>\nThen.", [Thought("First.\n"), *called(0), Text("Then.")]),
        (
            "<thinking>before " + CALL + " after </thinking> final",
            [Thought("before "), *called(0), Thought(" after"), Text("final")],
        ),
        ("<think>a" + CALL + "\n" + CALL, [Thought("a"), *called(0), *called(1)]),
        ("<think>a<tool_call>\n{", [Thought("a<tool_call>\n{")]),
        ("</think>\nHello." + CALL, [Text("Hello."), *called(0)]),
    ],
)
def test_calls_are_told_amid_the_thinking_and_it_goes_on(format: object, text: str, pieces: list[ParserEvent]) -> None:
    assert agreed(lambda: format.parser(False, qwen3_coder.parser({})), text) == pieces  # type: ignore[attr-defined]


def test_either_marker_at_the_end_of_a_prompt_has_begun_it() -> None:
    assert mixed.begun("<|im_start|>assistant\n<thinking>\n") and step_35.begun("<|im_start|>assistant\n<think>\n")
    assert not step_35.begun("<|im_start|>assistant\n")  # enable_thinking=false

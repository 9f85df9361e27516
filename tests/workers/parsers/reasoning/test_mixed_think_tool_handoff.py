"""Two spellings of the markers, and calls that are handed on from inside the thinking."""

from __future__ import annotations

import pytest

from tests.workers.parsers.reasoning.reading import agreed
from workers.parsers.parser_events import ParserEvent, Text, Thought
from workers.parsers.reasoning import mixed_think_tool_handoff as mixed
from workers.parsers.reasoning import step_35

CALL = "<tool_call>\n<function=f>\n</function>\n</tool_call>"


@pytest.mark.parametrize("format", [mixed, step_35])
@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("<thinking>\nHm.\n</thinking>\nHello.", [Thought("Hm."), Text("Hello.")]),
        ("<think>\nHm.\n</think>\nHello.", [Thought("Hm."), Text("Hello.")]),
        ("<thinking>Hm.</think>Hello.", [Thought("Hm."), Text("Hello.")]),
        ("<think>First. " + CALL, [Thought("First. "), Text(CALL)]),
        ("<think>First.\n" + CALL + "\n</think>\nThen.", [Thought("First.\n"), Text(CALL + "Then.")]),
        (
            "<thinking>before " + CALL + " after </thinking> final",
            [Thought("before "), Text(CALL), Thought(" after"), Text("final")],
        ),
        ("<think>a" + CALL + "\n" + CALL, [Thought("a"), Text(CALL + CALL)]),
        ("<think>a<tool_call>\n{", [Thought("a"), Text("<tool_call>\n{")]),
        ("</think>\nHello." + CALL, [Text("\nHello." + CALL)]),
    ],
)
def test_calls_leave_the_thinking_and_it_goes_on(format: object, text: str, pieces: list[ParserEvent]) -> None:
    assert agreed(lambda: format.parser(False), text) == pieces  # type: ignore[attr-defined]


def test_either_marker_at_the_end_of_a_prompt_has_begun_it() -> None:
    assert mixed.begun("<|im_start|>assistant\n<thinking>\n") and step_35.begun("<|im_start|>assistant\n<think>\n")
    assert not step_35.begun("<|im_start|>assistant\n")  # enable_thinking=false

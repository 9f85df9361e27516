"""Thinking, text and calls out of one answer: what the thinking is, and that nothing behind it is looked into."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.parsers.calls import calls
from tests.workers.parsers.reasoning.answers import agreed, cut, read
from workers.parsers import json_text, registry
from workers.parsers.marker_parser import Within
from workers.parsers.parser_events import Arguments, CallBegun, CallEnded, ParserEvent, Text, Thought
from workers.parsers.reasoning import qwen3, step_35


def call(number: int, name: str, arguments: str = "{}") -> list[ParserEvent]:
    return [CallBegun(number, name), Arguments(number, arguments), CallEnded(number)]


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
        ("<think>\n<call>f {}</call>\n</think>\n<call>g {}</call>", [*call(0, "f"), *call(1, "g")]),
        (
            "<call>f {}</call>\n<think>a<call>g {}</call></think><call>h {}</call>",
            [*call(0, "f"), Thought("a"), *call(1, "g"), *call(2, "h")],
        ),
        # A call that the thinking cuts off is thinking, and swallows nothing of the answer.
        ("<think>Hm <call>f {</think>Hello.", [Thought("Hm <call>f {"), Text("Hello.")]),
        ("<think>Hm <cal</think>l>Hello.", [Thought("Hm <cal"), Text("l>Hello.")]),
        ("<think>Hm <call>f {", [Thought("Hm <call>f {")]),
        ("<think>Hm.</think>Hello. <call>f {", [Thought("Hm."), Text("Hello. <call>f {")]),
    ],
)
def test_calls_are_found_in_the_thinking_and_in_the_answer(text: str, pieces: list[ParserEvent]) -> None:
    assert agreed(lambda: qwen3.parser(False, calls()), text) == pieces


@pytest.mark.parametrize("name", registry.formats("reasoning"))
@pytest.mark.parametrize("before", ["", "Hello.\n", "<think>\nHm.\n</think>\n"])
def test_markers_in_a_call_s_arguments_are_the_arguments_own(name: str, before: str) -> None:
    form = registry.find("reasoning", name)
    marked = json_text.written({"a": "".join(form.MARKERS) + form.CLOSE})
    pieces = agreed(lambda: form.parser(False, calls()), f"{before}<call>f {marked}</call>")
    assert pieces[-3:] == call(0, "f", marked)


@pytest.mark.parametrize("name", registry.formats("reasoning"))
def test_so_they_are_in_a_call_within_the_thinking(name: str) -> None:
    form = registry.find("reasoning", name)
    marked = json_text.written({"a": "".join(form.MARKERS) + form.CLOSE})
    pieces = agreed(lambda: form.parser(True, calls()), f"Hm. <call>f {marked}</call>")
    assert pieces == [Thought("Hm. "), *call(0, "f", marked)]


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize(
    "answer",
    ["a </think> b", "<think>x</think>y", "Use\n<think>\nor </think>.\n", "a <think>", "</think>", "<call>f {</call>"],
)
def test_what_follows_the_thinking_is_the_answer_as_it_stands(answer: str, begun: bool) -> None:
    text = f"{'' if begun else '<think>'}\nok\n</think>\n\n{answer}"
    assert agreed(lambda: qwen3.parser(begun, calls()), text) == [Thought("ok"), Text(answer)]


@pytest.mark.parametrize(
    ("within", "pieces"),
    [
        (Within.CALL, [Thought("a "), *call(0, "f"), Thought(" b"), Text("c")]),
        (Within.END, [Thought("a "), *call(0, "f"), Text(" b</think>c")]),
        (Within.TEXT, [Thought("a <call>f {}</call> b"), Text("c")]),
    ],
)
def test_the_calls_format_says_what_a_call_within_the_thinking_is(within: Within, pieces: list[ParserEvent]) -> None:
    assert agreed(lambda: qwen3.parser(True, calls(within)), "a <call>f {}</call> b</think>c") == pieces


def test_a_reasoning_format_that_says_it_itself_has_the_last_word() -> None:
    pieces = agreed(lambda: step_35.parser(True, calls(Within.END)), "a <call>f {}</call> b</think>c")
    assert pieces == [Thought("a "), *call(0, "f"), Thought(" b"), Text("c")]


@pytest.mark.parametrize(
    ("tools", "reasoning", "within"),
    [
        ("pythonic", "qwen3", Within.TEXT),
        ("mistral", "mistral", Within.TEXT),
        ("kimi_k2", "qwen3", Within.CALL),
        ("qwen3_coder", "qwen3", Within.END),
    ],
)
def test_calls_within_the_thinking_are_what_the_models_mean(tools: str, reasoning: str, within: Within) -> None:
    form, thinks = registry.find("tools", tools), registry.find("reasoning", reasoning)
    written = form.write([("f", {"a": "b"})])
    close = thinks.CLOSE.strip()
    pieces = agreed(lambda: thinks.parser(True, form.parser({})), f"a\n{written}\nb{close}c")
    called = [piece.name for piece in pieces if isinstance(piece, CallBegun)]
    assert called == ([] if within is Within.TEXT else ["f"])
    assert pieces[-1] == Text(f"\nb{close}c" if within is Within.END else "c")


def test_without_a_format_of_calls_they_are_text() -> None:
    text = "<think>a</think>b <call>f {}</call>"
    assert agreed(lambda: qwen3.parser(False), text) == [Thought("a"), Text("b <call>f {}</call>")]
    assert agreed(calls, text) == [Text("<think>a</think>b "), *call(0, "f")]


parts = st.sampled_from(["<think>", "</think>", "<call>", "</call>", "f {}", "<thi", "</cal", "\n", " ", "a", "<"])


@given(text=st.lists(parts, max_size=20).map("".join), seed=st.integers(0, 1000), within=st.sampled_from(Within))
def test_the_cut_changes_nothing(text: str, seed: int, within: Within) -> None:
    whole = read(qwen3.parser(False, calls(within)), [text])
    assert read(qwen3.parser(False, calls(within)), list(text)) == whole
    assert read(qwen3.parser(False, calls(within)), cut(text, random.Random(seed))) == whole
    numbers = [piece.number for piece in whole if isinstance(piece, CallBegun)]
    assert numbers == list(range(len(numbers)))


@given(text=st.lists(parts, max_size=20).map("".join), begun=st.booleans())
def test_nothing_is_lost_but_markers_and_layout(text: str, begun: bool) -> None:
    pieces = read(qwen3.parser(begun), [text])
    kept = "".join(piece.text for piece in pieces if isinstance(piece, Text | Thought))
    rest = iter(text)
    assert all(char in rest for char in kept)
    bare = text.replace("<think>", "").replace("</think>", "")
    assert sorted("".join(kept.replace("<think>", "").replace("</think>", "").split())) == sorted("".join(bare.split()))


@given(text=st.text(st.characters(exclude_characters="<", exclude_categories=["Cs"])))
def test_text_without_markers_loses_no_character(text: str) -> None:
    assert read(qwen3.parser(False, calls()), list(text)) == ([Text(text)] if text else [])

"""What holds for each reasoning format, whatever a model says."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.parsers.reasoning.answers import agreed, cut, read
from workers.parsers import registry
from workers.parsers.parser_events import Text, Thought
from workers.parsers.registry import ReasoningFormat

FORMATS = list(registry.formats("reasoning").values())
by_name = pytest.mark.parametrize("format", FORMATS, ids=[one.NAMES[0] for one in FORMATS])
MARKERS = [
    *dict.fromkeys(text for one in FORMATS for text in (*one.MARKERS, one.CLOSE)),
    *("<|start|>assistant", "<|begin|>assistant", "<|channel|>", "<|message|>", "<|return|>"),
    *("<tool_call>", "</tool_call>", "<response>"),
]
noise = st.lists(
    st.one_of(st.text(max_size=8), st.sampled_from(MARKERS), st.sampled_from(MARKERS).map(lambda one: one[:-1]))
    | st.sampled_from(["\n", " ", "\n\n", "<"]),
    max_size=12,
).map("".join)
# No marker begins without one of these.
plain = st.text(st.characters(exclude_characters="<H[t", exclude_categories=["Cs"]))


@by_name
@given(text=noise, begun=st.booleans(), seed=st.integers(0, 1000))
def test_nothing_raises_and_the_cut_changes_nothing(format: ReasoningFormat, text: str, begun: bool, seed: int) -> None:
    whole = read(format.parser(begun), [text])
    assert read(format.parser(begun), list(text)) == whole
    assert read(format.parser(begun), cut(text, random.Random(seed))) == whole
    assert {type(piece) for piece in whole} <= {Text, Thought}


@by_name
@given(text=plain)
def test_text_without_markers_loses_no_character(format: ReasoningFormat, text: str) -> None:
    assert read(format.parser(False), list(text)) == ([Text(text)] if text else [])
    thought = text if format.NAMES[0] in ("harmony", "muse") else text.removeprefix("\n")
    assert read(format.parser(True), list(text)) == ([Thought(thought)] if thought else [])


@by_name
def test_what_a_budget_says_ends_the_thinking(format: ReasoningFormat) -> None:
    pieces = agreed(lambda: format.parser(True), f"Hm{format.CLOSE}Hello.")
    assert pieces[0] == Thought("Hm")
    assert [piece.text.endswith("Hello.") for piece in pieces if isinstance(piece, Text)] == [True]


@by_name
def test_a_prompt_says_whether_thinking_has_begun(format: ReasoningFormat) -> None:
    opening = format.MARKERS[0]
    assert format.begun(f"assistant\n{opening}\n")
    assert not format.begun(f"assistant\n{opening}{format.CLOSE}")

"""A text is spoken in whole sentences, none too long, and none of its words is lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.rounds import rounds
from workers.engines.voices.passages import FIRST, LONGEST, passages

TEXTS = st.text(alphabet=st.sampled_from("ab .,;!?\n\"'。，…)—é"), max_size=900)


def words(text: str) -> str:
    return re.sub(r"\s+", "", text)


@given(TEXTS)
@settings(max_examples=rounds(200, 5000), deadline=None)
def test_all_words_are_there_and_no_passage_is_too_long(text: str) -> None:
    found = passages(text)
    assert words("".join(found)) == words(text)
    assert all(passage.strip() == passage and 0 < len(passage) <= LONGEST for passage in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n ", []),
        ("Hello.", ["Hello."]),
        ("Dr. Smith is here, and he has come a long way. Let us begin.",
         ["Dr. Smith is here, and he has come a long way.", "Let us begin."]),
        ("One.\n\nTwo.", ["One. Two."]),
        ('She said: "It is late, and I must go home now." He nodded.',
         ['She said: "It is late, and I must go home now."', "He nodded."]),
        ("a" * 700, ["a" * 300, "a" * 300, "a" * 100]),
    ],
)  # fmt: skip
def test_where_it_is_cut(text: str, expected: list[str]) -> None:
    assert passages(text) == expected


def test_the_first_passage_is_short_and_the_others_are_long() -> None:
    found = passages("This is a sentence of forty characters ok. " * 40)
    assert len(found[0]) < 2 * FIRST + 10 and all(len(passage) > LONGEST / 2 for passage in found[2:-1])


def test_a_long_sentence_is_cut_in_its_clauses() -> None:
    found = passages(", ".join(["a clause of some length"] * 40) + ".")
    assert all(passage.endswith((",", ".")) for passage in found)

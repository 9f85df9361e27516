"""Tokens become text one by one, and all of it."""

from __future__ import annotations

import pytest

from tests.workers.engines.text import tiny
from workers.engines.text.output.detokenizer import Detokenizer, remembering

WORDS = tiny.tokenizer()


@pytest.mark.parametrize("text", ["hello there", " hello  there ", "größer 東京 🦊!", ""])
def test_the_pieces_are_the_text(text: str) -> None:
    ids = WORDS.encode(text, add_special_tokens=False)
    detokenizer = Detokenizer(WORDS.decode, [])
    assert "".join(map(detokenizer.feed, ids)) + detokenizer.flush() == text


def test_a_token_that_was_met_before_costs_one_decoding() -> None:
    asked = list[list[int]]()
    decode = remembering(lambda tokens: asked.append(list(tokens)) or WORDS.decode(tokens))  # type: ignore[func-returns-value]
    ids = WORDS.encode("the others are there", add_special_tokens=False)
    for _ in range(2):
        asked.clear()
        detokenizer = Detokenizer(decode, ids[-2:])
        assert "".join(map(detokenizer.feed, ids)) == "the others are there"
    assert len(asked) == len(ids) + 1  # and its context once

"""A text in passages that are spoken one after the other: whole sentences, the first of them short, none too long."""

from __future__ import annotations

import re
from collections.abc import Iterator

FIRST = 40  # characters with which a first passage is long enough, so that its audio comes early
LONGEST = 300  # characters of a passage: models forget, or are cut off, in longer ones
_SENTENCE = re.compile(r"\n+|(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])")
_CLAUSE = re.compile(r"(?<=[,;:，；、—])\s*")
_WORD = re.compile(r"\s+")


def passages(text: str) -> list[str]:
    """What a text is spoken in; all its words stand in there, in their order. A text without words has none."""
    passages_: list[str] = []
    for sentence in _parts(text, _SENTENCE):
        for piece in _short(sentence):
            room = FIRST if len(passages_) <= 1 else LONGEST
            if passages_ and len(passages_[-1]) < room and len(passages_[-1]) + len(piece) < LONGEST:
                passages_[-1] = f"{passages_[-1]} {piece}"
            else:
                passages_.append(piece)
    return passages_


def _parts(text: str, between: re.Pattern[str]) -> Iterator[str]:
    start = 0
    for separator in between.finditer(text):
        # What closes a sentence belongs to it, and blanks to nobody.
        if part := text[start : separator.end()].strip():
            yield part
        start = separator.end()
    if part := text[start:].strip():
        yield part


def _short(sentence: str) -> Iterator[str]:
    """A sentence that is too long in clauses, else in words, else in pieces."""
    if len(sentence) <= LONGEST:
        yield sentence
        return
    for between in (_CLAUSE, _WORD):
        parts = list(_parts(sentence, between))
        if len(parts) > 1:
            half = _half(parts)
            yield from _short(" ".join(parts[:half]))
            yield from _short(" ".join(parts[half:]))
            return
    for start in range(0, len(sentence), LONGEST):
        yield sentence[start : start + LONGEST]


def _half(parts: list[str]) -> int:
    """How many parts are nearest to half of the text, at least one and not all."""
    middle, reached = sum(map(len, parts)) / 2, 0
    for count, part in enumerate(parts[:-1], 1):
        reached += len(part)
        if reached >= middle:
            return count
    return len(parts) - 1

"""Gemma 4: `<|channel>thought`, a newline, the thinking and `<channel|>`."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.grammar_parts import Free, GrammarPart, Maybe

NAMES: tuple[str, ...] = ("gemma4",)
RANK = 1
CLOSE = "\n<channel|>"
ANSWER = ""
_OPEN, _CLOSE = "<|channel>thought", "<channel|>"
MARKERS: tuple[str, ...] = (_OPEN, _CLOSE)
_MARKS = thinking.ThinkingMarkers((_OPEN, "<|channel>"), (_CLOSE,), stray=(_CLOSE,))
begun, parser = _MARKS.begun, _MARKS.parser


def recognises(template: str) -> bool:
    """Whether the template knows Gemma's channels."""
    return "<|channel>" in template and _CLOSE in template


def prelude(begun: bool) -> Sequence[GrammarPart]:
    """Thinking before a constrained answer."""
    return [Free(_CLOSE)] if begun else [Maybe([f"{_OPEN}\n", Free(_CLOSE)])]

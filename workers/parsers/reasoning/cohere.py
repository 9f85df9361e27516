"""Cohere's Command A and R7B: `<|START_THINKING|>…<|END_THINKING|>`, and markers around what is answered."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.grammar_parts import GrammarPart, Maybe

NAMES: tuple[str, ...] = ("cohere", "command", "command_a", "command_r7b", "cohere2_moe")
RANK = 1
_OPEN, _CLOSE, _RESPONSE = "<|START_THINKING|>", "<|END_THINKING|>", "<|START_RESPONSE|>"
MARKERS: tuple[str, ...] = (_OPEN, _CLOSE)
CLOSE = _CLOSE
ANSWER = ""
_BEGINS, _ENDS = (_RESPONSE, "<|START_TEXT|>"), ("<|END_RESPONSE|>", "<|END_TEXT|>")
_MARKS = thinking.ThinkingMarkers((_OPEN,), (_CLOSE,), stray=(_CLOSE, *_BEGINS), begins=_BEGINS, ends=_ENDS)
begun, parser = _MARKS.begun, _MARKS.parser


def recognises(template: str) -> bool:
    """Whether the template has Cohere's markers."""
    return _OPEN in template


def prelude(begun: bool) -> Sequence[GrammarPart]:
    """Thinking before a constrained answer, and the marker of a response, which tool calls come without."""
    return [*_MARKS.prelude(begun), Maybe([_RESPONSE])]

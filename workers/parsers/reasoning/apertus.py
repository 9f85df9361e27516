"""Apertus: deliberation between `<|inner_prefix|>` and `<|inner_suffix|>`."""

from __future__ import annotations

from workers.parsers import thinking

NAMES: tuple[str, ...] = ("apertus",)
RANK = 1
_OPEN, _CLOSE = "<|inner_prefix|>", "<|inner_suffix|>"
MARKERS: tuple[str, ...] = (_OPEN, _CLOSE)
CLOSE = _CLOSE
ANSWER = ""
_MARKS = thinking.ThinkingMarkers((_OPEN,), (_CLOSE,), stray=(_CLOSE,))
begun, parser, prelude = _MARKS.begun, _MARKS.parser, _MARKS.prelude


def recognises(template: str) -> bool:
    """Whether the template has the markers of Apertus."""
    return _OPEN in template

"""Magistral and Ministral 3: `[THINK]…[/THINK]`."""

from __future__ import annotations

from workers.parsers import thinking

NAMES: tuple[str, ...] = ("mistral", "magistral", "ministral")
RANK = 1
_OPEN, _CLOSE = "[THINK]", "[/THINK]"
MARKERS: tuple[str, ...] = (_OPEN, _CLOSE)
CLOSE = _CLOSE
ANSWER = ""
_MARKS = thinking.ThinkingMarkers((_OPEN,), (_CLOSE,), stray=(_CLOSE,))
begun, parser, prelude = _MARKS.begun, _MARKS.parser, _MARKS.prelude


def recognises(template: str) -> bool:
    """Whether the template has Mistral's markers."""
    return _OPEN in template

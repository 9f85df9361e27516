"""Hy3: `<think:opensource>…</think:opensource>`."""

from __future__ import annotations

from workers.parsers import thinking

NAMES: tuple[str, ...] = ("hy3",)
RANK = 1
_OPEN, _CLOSE = "<think:opensource>", "</think:opensource>"
MARKERS: tuple[str, ...] = (_OPEN, _CLOSE)
CLOSE = _CLOSE
ANSWER = ""
_MARKS = thinking.ThinkingMarkers((_OPEN,), (_CLOSE,), stray=(_CLOSE,))
begun, parser, prelude = _MARKS.begun, _MARKS.parser, _MARKS.prelude


def recognises(template: str) -> bool:
    """Whether the template has these markers, which it may put together, or the vocabulary has."""
    return _OPEN in template or ("<think{}>" in template and ":opensource" in template)

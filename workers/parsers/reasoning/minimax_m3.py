"""MiniMax M3: `<mm:think>…</mm:think>`."""

from __future__ import annotations

from workers.parsers import thinking

NAMES: tuple[str, ...] = ("minimax_m3",)
RANK = 1
_OPEN, _CLOSE = "<mm:think>", "</mm:think>"
MARKERS: tuple[str, ...] = (_OPEN, _CLOSE)
CLOSE = _CLOSE
ANSWER = ""
_MARKS = thinking.ThinkingMarkers((_OPEN,), (_CLOSE,), stray=(_CLOSE,))
begun, parser, prelude = _MARKS.begun, _MARKS.parser, _MARKS.prelude


def recognises(template: str) -> bool:
    """Whether the template has M3's markers."""
    return _OPEN in template

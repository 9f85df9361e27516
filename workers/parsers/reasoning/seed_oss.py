"""Seed-OSS: `<seed:think>…</seed:think>`, with notes of the budget inside."""

from __future__ import annotations

from workers.parsers import thinking

NAMES: tuple[str, ...] = ("seed_oss",)
RANK = 1
_OPEN, _CLOSE = "<seed:think>", "</seed:think>"
MARKERS: tuple[str, ...] = (_OPEN, _CLOSE)
CLOSE = _CLOSE
ANSWER = ""
_MARKS = thinking.ThinkingMarkers((_OPEN,), (_CLOSE,), stray=(_CLOSE,))
begun, parser, prelude = _MARKS.begun, _MARKS.parser, _MARKS.prelude


def recognises(template: str) -> bool:
    """Whether the template has Seed's markers."""
    return _OPEN in template

"""Hunyuan A13B: `<think>` and `<answer>`, a line each."""

from __future__ import annotations

from workers.parsers import thinking

NAMES: tuple[str, ...] = ("hunyuan", "hunyuan_a13b")
RANK = 1
_OPEN, _CLOSE = "<think>", "</think>"
MARKERS: tuple[str, ...] = (_OPEN, _CLOSE)
CLOSE = "\n</think>"
ANSWER = "\n<answer>\n"
_MARKS = thinking.ThinkingMarkers(
    (_OPEN,), (_CLOSE,), stray=(_CLOSE, "<answer>"), begins=("<answer>",), ends=("\n</answer>", "</answer>")
)
begun, parser, prelude = _MARKS.begun, _MARKS.parser, _MARKS.prelude


def recognises(template: str) -> bool:
    """Whether the template knows both pairs of markers."""
    return _OPEN in template and "<answer>" in template

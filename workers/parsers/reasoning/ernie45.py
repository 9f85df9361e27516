"""ERNIE 4.5: `<think>` and, where it answers, `<response>`."""

from __future__ import annotations

from workers.parsers import thinking

NAMES: tuple[str, ...] = ("ernie45", "ernie4_5")
RANK = 1
_OPEN, _CLOSE = "<think>", "</think>"
MARKERS: tuple[str, ...] = (_OPEN, _CLOSE)
CLOSE = "\n</think>\n\n"
ANSWER = ""
_MARKS = thinking.ThinkingMarkers(
    (_OPEN,), (_CLOSE,), stray=(_CLOSE,), begins=("<response>",), ends=("\n</response>", "</response>")
)
begun, parser, prelude = _MARKS.begun, _MARKS.parser, _MARKS.prelude


def recognises(template: str) -> bool:
    """Whether the template sets the mode of thinking as ERNIE has it."""
    return _OPEN in template and "<global_setting>" in template

"""Apriel: `Here are my reasoning steps:`, and `[BEGIN FINAL RESPONSE]` before the answer."""

from __future__ import annotations

from workers.parsers import thinking
from workers.parsers.marker_parser import Within

NAMES: tuple[str, ...] = ("apriel",)
RANK = 1
_OPEN, _CLOSE = "Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"
MARKERS: tuple[str, ...] = (_OPEN, _CLOSE)
CLOSE = f"\n{_CLOSE}\n"
ANSWER = ""
_MARKS = thinking.ThinkingMarkers(
    opens=(),
    closes=(_CLOSE,),
    stray=(_CLOSE,),
    first=(_OPEN,),
    ends=("\n[END FINAL RESPONSE]", "[END FINAL RESPONSE]"),
    within=Within.END,
)
begun, parser, prelude = _MARKS.begun, _MARKS.parser, _MARKS.prelude


def recognises(template: str) -> bool:
    """Whether the template asks for a final response behind Apriel's marker."""
    return _CLOSE in template

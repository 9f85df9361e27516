"""Apriel: `Here are my reasoning steps:`, and `[BEGIN FINAL RESPONSE]` before the answer."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.parser_events import Part
from workers.parsers.reading import Within

NAMES: tuple[str, ...] = ("apriel",)
RANK = 1
_OPEN, _CLOSE = "Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"
MARKERS: tuple[str, ...] = (_OPEN, _CLOSE)
CLOSE = f"\n{_CLOSE}\n"
ANSWER = ""
_MARKS = thinking.Marks(
    opens=(),
    closes=(_CLOSE,),
    stray=(_CLOSE,),
    first=(_OPEN,),
    ends=("\n[END FINAL RESPONSE]", "[END FINAL RESPONSE]"),
    within=Within.END,
)
begun, parser = _MARKS.begun, _MARKS.parser


def recognises(template: str) -> bool:
    """Whether the template asks for a final response behind Apriel's marker."""
    return _CLOSE in template


def prelude(begun: bool) -> Sequence[Part]:
    """Thinking before a constrained answer."""
    return thinking.prelude(begun, _OPEN, _CLOSE)

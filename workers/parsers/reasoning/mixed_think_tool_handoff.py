"""`<think>` or `<thinking>`, within which tools are called before the thinking goes on."""

from __future__ import annotations

from workers.parsers import thinking
from workers.parsers.marker_parser import Within

NAMES: tuple[str, ...] = ("mixed_think_tool_handoff",)
RANK = 1
CLOSE = "\n</think>\n\n"
ANSWER = ""
_OPENS = ("<think>", "<thinking>")
_CLOSES = ("</think>", "</thinking>")
MARKERS: tuple[str, ...] = _OPENS + _CLOSES
_MARKS = thinking.ThinkingMarkers(_OPENS, _CLOSES, stray=_CLOSES, within=Within.CALL)
begun, parser, prelude = _MARKS.begun, _MARKS.parser, _MARKS.prelude


def recognises(template: str) -> bool:
    """Whether the template knows `<thinking>`."""
    return "<thinking>" in template and "</thinking>" in template

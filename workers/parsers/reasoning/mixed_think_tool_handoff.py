"""`<think>` or `<thinking>`, within which tools are called before the thinking goes on."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.parser_events import Part
from workers.parsers.reading import Within

NAMES: tuple[str, ...] = ("mixed_think_tool_handoff",)
RANK = 1
CLOSE = "\n</think>\n\n"
ANSWER = ""
OPENS = ("<think>", "<thinking>")
_CLOSES = ("</think>", "</thinking>")
MARKERS: tuple[str, ...] = OPENS + _CLOSES
MARKS = thinking.Marks(OPENS, _CLOSES, stray=_CLOSES, within=Within.CALL)
begun, parser = MARKS.begun, MARKS.parser


def recognises(template: str) -> bool:
    """Whether the template knows `<thinking>`."""
    return "<thinking>" in template and "</thinking>" in template


def prelude(begun: bool) -> Sequence[Part]:
    """Thinking before a constrained answer."""
    return thinking.prelude(begun)

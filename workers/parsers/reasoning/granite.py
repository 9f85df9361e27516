"""Granite: `<think>` and `<response>` (3.3), or `Here is my thought process:` and `Here is my response:` (3.2)."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.parser_events import Part

NAMES: tuple[str, ...] = ("granite",)
RANK = 2
CLOSE = "\n</think>\n\n"
ANSWER = ""
_THOUGHTS = ("Here is my thought process:", "Here's my thought process:")
_RESPONSES = ("Here is my response:", "Here's my response:")
MARKERS: tuple[str, ...] = (thinking.OPEN, thinking.CLOSE, _THOUGHTS[0], _RESPONSES[0])
_MARKS = thinking.Marks(
    opens=(thinking.OPEN,),
    closes=(thinking.CLOSE, *_RESPONSES),
    stray=(thinking.CLOSE, "<response>", "</response>"),
    first=_THOUGHTS,
    begins=("<response>",),
    ends=("</response>",),
)
begun, parser = _MARKS.begun, _MARKS.parser


def recognises(template: str) -> bool:
    """Whether the template asks for thoughts in one of Granite's two ways."""
    return "<|start_of_role|>" in template and (thinking.OPEN in template or _THOUGHTS[0] in template)


def prelude(begun: bool) -> Sequence[Part]:
    """Thinking before a constrained answer."""
    return thinking.prelude(begun)

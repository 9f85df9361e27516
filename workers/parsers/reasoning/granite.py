"""Granite: `<think>` and `<response>` (3.3), or `Here is my thought process:` and `Here is my response:` (3.2)."""

from __future__ import annotations

from workers.parsers import thinking

NAMES: tuple[str, ...] = ("granite",)
RANK = 2
CLOSE = "\n</think>\n\n"
ANSWER = ""
_THOUGHTS = ("Here is my thought process:", "Here's my thought process:")
_RESPONSES = ("Here is my response:", "Here's my response:")
MARKERS: tuple[str, ...] = (thinking.OPEN, thinking.CLOSE, _THOUGHTS[0], _RESPONSES[0])
_MARKS = thinking.ThinkingMarkers(
    opens=(thinking.OPEN,),
    closes=(thinking.CLOSE, *_RESPONSES),
    stray=(thinking.CLOSE, "<response>", "</response>"),
    first=_THOUGHTS,
    begins=("<response>",),
    ends=("</response>",),
)
begun, parser, prelude = _MARKS.begun, _MARKS.parser, _MARKS.prelude


def recognises(template: str) -> bool:
    """Whether the template asks for thoughts in one of Granite's two ways."""
    return "<|start_of_role|>" in template and (thinking.OPEN in template or _THOUGHTS[0] in template)

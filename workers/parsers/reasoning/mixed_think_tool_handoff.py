"""`<think>` or `<thinking>`, in which a tool call is handed on to the tool parser before the thinking has closed."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.parser_events import Parser, Part

NAMES: tuple[str, ...] = ("mixed_think_tool_handoff",)
CLOSE = "\n</think>\n\n"
ANSWER = ""
OPENS = ("<think>", "<thinking>")
_CLOSES = ("</think>", "</thinking>")
MARKERS: tuple[str, ...] = OPENS + _CLOSES
_MARKS = thinking.Marks(OPENS, _CLOSES, dropped=_CLOSES, calls=("<tool_call>", "</tool_call>"))


def recognises(template: str) -> bool:
    """Whether the template knows `<thinking>`."""
    return "<thinking>" in template and "</thinking>" in template


def begun(prompt: str) -> bool:
    """Whether the prompt ends inside the thinking."""
    return thinking.ends_open(prompt, *OPENS)


def parser(begun: bool) -> Parser:
    """A parser of one answer."""
    return thinking.Blocks(_MARKS, begun=begun)


def prelude(begun: bool) -> Sequence[Part]:
    """Thinking before a constrained answer."""
    return thinking.prelude(begun)

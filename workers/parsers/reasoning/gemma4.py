"""Gemma 4: `<|channel>thought`, a newline, the thinking and `<channel|>`."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.parser_events import Parser, Part

NAMES: tuple[str, ...] = ("gemma4",)
CLOSE = "\n<channel|>"
ANSWER = ""
_OPEN, _CLOSE = "<|channel>thought", "<channel|>"
MARKERS: tuple[str, ...] = (_OPEN, _CLOSE)
_MARKS = thinking.Marks((_OPEN,), (_CLOSE,), dropped=(_CLOSE,))


def recognises(template: str) -> bool:
    """Whether the template knows Gemma's channels."""
    return "<|channel>" in template and _CLOSE in template


def begun(prompt: str) -> bool:
    """Whether the prompt ends inside the thinking."""
    return thinking.ends_open(prompt, _OPEN)


def parser(begun: bool) -> Parser:
    """A parser of one answer."""
    return thinking.Blocks(_MARKS, begun=begun)


def prelude(begun: bool) -> Sequence[Part]:
    """Thinking before a constrained answer."""
    return thinking.prelude(begun, f"{_OPEN}\n", _CLOSE)

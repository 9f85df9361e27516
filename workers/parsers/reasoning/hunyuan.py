"""Hunyuan A13B: `<think>` and `<answer>`, a line each."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.parser_events import Part

NAMES: tuple[str, ...] = ("hunyuan", "hunyuan_a13b")
RANK = 1
_OPEN, _CLOSE = "<think>", "</think>"
MARKERS: tuple[str, ...] = (_OPEN, _CLOSE)
CLOSE = "\n</think>"
ANSWER = "\n<answer>\n"
_MARKS = thinking.Marks(
    (_OPEN,), (_CLOSE,), stray=(_CLOSE, "<answer>"), begins=("<answer>",), ends=("\n</answer>", "</answer>")
)
begun, parser = _MARKS.begun, _MARKS.parser


def recognises(template: str) -> bool:
    """Whether the template knows both pairs of markers."""
    return _OPEN in template and "<answer>" in template


def prelude(begun: bool) -> Sequence[Part]:
    """Thinking before a constrained answer."""
    return thinking.prelude(begun, _OPEN, _CLOSE)

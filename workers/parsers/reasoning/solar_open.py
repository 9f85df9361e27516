"""Solar Open: `<|think|>…<|end|>`, then a turn of the assistant's with `<|content|>` or with tool calls."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.grammar_parts import Free, GrammarPart, Maybe

NAMES: tuple[str, ...] = ("solar_open",)
RANK = 1
_OPEN, _END, _TURN, _CONTENT = "<|think|>", "<|end|>", "<|begin|>assistant", "<|content|>"
MARKERS: tuple[str, ...] = (_OPEN, _END, _CONTENT)
CLOSE = _END + _TURN
ANSWER = ""
_MARKS = thinking.ThinkingMarkers(
    opens=(_OPEN,),
    closes=(_END, _TURN, _CONTENT),
    stray=(_END, _TURN, _CONTENT),
    begins=(_TURN, _CONTENT),
    ends=(_END, "<|flush|>"),
)
begun, parser = _MARKS.begun, _MARKS.parser


def recognises(template: str) -> bool:
    """Whether the template knows thinking and content as Solar marks them."""
    return _OPEN in template and _CONTENT in template


def prelude(begun: bool) -> Sequence[GrammarPart]:
    """Thinking before a constrained answer, and the marker of content, which tool calls come without."""
    ended: list[GrammarPart] = [Free(_END), _TURN]
    return [*(ended if begun else [Maybe([_OPEN, *ended])]), Maybe([_CONTENT])]

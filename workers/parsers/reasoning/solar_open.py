"""Solar Open: `<|think|>…<|end|>`, then a turn of the assistant's with `<|content|>` or with tool calls."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.parser_events import Free, Maybe, Parser, Part

NAMES: tuple[str, ...] = ("solar_open",)
_OPEN, _END, _TURN, _CONTENT = "<|think|>", "<|end|>", "<|begin|>assistant", "<|content|>"
MARKERS: tuple[str, ...] = (_OPEN, _END, _CONTENT)
CLOSE = _END + _TURN
ANSWER = ""
_MARKS = thinking.Marks((_OPEN,), (_END, _TURN, _CONTENT), dropped=(_END, _TURN, _CONTENT))


def recognises(template: str) -> bool:
    """Whether the template knows thinking and content as Solar marks them."""
    return _OPEN in template and _CONTENT in template


def begun(prompt: str) -> bool:
    """Whether the prompt ends inside the thinking."""
    return thinking.ends_open(prompt, _OPEN)


def parser(begun: bool) -> Parser:
    """A parser of one answer, which also takes the turn's markers from around its content."""
    return thinking.Blocks(_MARKS, begun=begun)


def prelude(begun: bool) -> Sequence[Part]:
    """Thinking before a constrained answer, and the marker of content, which tool calls come without."""
    ended: list[Part] = [Free(_END), _TURN]
    return [*(ended if begun else [Maybe([_OPEN, *ended])]), Maybe([_CONTENT])]

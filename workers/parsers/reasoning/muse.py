"""Muse: a turn of several messages, each with a recipient; what is said to itself is the thinking."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.muse import ENDS, MESSAGE, TURN, Messages
from workers.parsers.parser_events import Free, Maybe, Part
from workers.parsers.reading import Reading

NAMES: tuple[str, ...] = ("muse", "muse_spark", "muse_glimmer", "atem")
RANK = 1
_OPEN, _CLOSE = f" to=self{MESSAGE}", ENDS[0]
MARKERS: tuple[str, ...] = (_OPEN.strip(), _CLOSE)
CLOSE = _CLOSE + TURN
ANSWER = f" to=user{MESSAGE}"
begun = thinking.Marks((_OPEN.strip(),), (_CLOSE,), stray=()).begun


def recognises(template: str) -> bool:
    """Whether the template has Muse's messages."""
    return _CLOSE in template and MESSAGE in template


def parser(begun: bool, calls: Reading | None = None) -> Messages:
    """A parser of one answer."""
    return Messages(thinks=True, begun=begun, calls=calls.calls if isinstance(calls, Messages) else calls)


def prelude(begun: bool) -> Sequence[Part]:
    """Thinking before a constrained answer."""
    ended: list[Part] = [Free(_CLOSE), TURN]
    return ended if begun else [Maybe([_OPEN, *ended])]

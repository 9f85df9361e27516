"""Muse: a turn of several messages, each with a recipient; what goes to itself is the thinking."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.grammar_parts import Free, GrammarPart, Maybe
from workers.parsers.marker_parser import MarkerParser
from workers.parsers.syntaxes.muse import ENDS, MESSAGE, TURN, MuseParser

NAMES: tuple[str, ...] = ("muse", "muse_spark", "muse_glimmer", "atem")
RANK = 1
_OPEN, _CLOSE = f" to=self{MESSAGE}", ENDS[0]
MARKERS: tuple[str, ...] = (_OPEN.strip(), _CLOSE)
CLOSE = _CLOSE + TURN
ANSWER = f" to=user{MESSAGE}"
begun = thinking.ThinkingMarkers((_OPEN.strip(),), (_CLOSE,), stray=()).begun


def recognises(template: str) -> bool:
    """Whether the template has Muse's messages."""
    return _CLOSE in template and MESSAGE in template


def parser(begun: bool, calls: MarkerParser | None = None) -> MuseParser:
    """A parser of one answer."""
    return MuseParser(thinks=True, begun=begun, calls=calls.calls if isinstance(calls, MuseParser) else calls)


def prelude(begun: bool) -> Sequence[GrammarPart]:
    """Thinking before a constrained answer."""
    ended: list[GrammarPart] = [Free(_CLOSE), TURN]
    return ended if begun else [Maybe([_OPEN, *ended])]

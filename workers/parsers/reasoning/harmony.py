"""Harmony (gpt-oss): messages in channels, of which `analysis` is the thinking."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.grammar_parts import Free, GrammarPart, Maybe
from workers.parsers.marker_parser import MarkerParser
from workers.parsers.syntaxes.harmony import ANALYSIS, CHANNEL, END, FINAL, MESSAGE, TURN, HarmonyParser

NAMES: tuple[str, ...] = ("harmony", "openai", "gpt_oss")
RANK = 1
MARKERS: tuple[str, ...] = (ANALYSIS, FINAL)
CLOSE = END + TURN
ANSWER = FINAL
begun = thinking.ThinkingMarkers((ANALYSIS,), (END, FINAL), stray=()).begun


def recognises(template: str) -> bool:
    """Whether the template speaks of channels and messages."""
    return CHANNEL in template and MESSAGE in template


def parser(begun: bool, calls: MarkerParser | None = None) -> HarmonyParser:
    """A parser of one answer."""
    same_format = isinstance(calls, HarmonyParser)
    return HarmonyParser(thinks=True, begun=begun, calls=same_format, other_calls=None if same_format else calls)


def prelude(begun: bool) -> Sequence[GrammarPart]:
    """Analysis that may come before a message of another channel."""
    return [Free(END), TURN] if begun else [Maybe([ANALYSIS, Free(END), TURN])]

"""Harmony (gpt-oss): messages in channels, of which `analysis` is the thinking."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.harmony import ANALYSIS, CHANNEL, END, FINAL, MESSAGE, TURN, Messages
from workers.parsers.parser_events import Free, Maybe, Part
from workers.parsers.reading import Reading

NAMES: tuple[str, ...] = ("harmony", "openai", "gpt_oss")
RANK = 1
MARKERS: tuple[str, ...] = (ANALYSIS, FINAL)
CLOSE = END + TURN
ANSWER = FINAL
begun = thinking.Marks((ANALYSIS,), (END, FINAL), stray=()).begun


def recognises(template: str) -> bool:
    """Whether the template speaks of channels and messages."""
    return CHANNEL in template and MESSAGE in template


def parser(begun: bool, calls: Reading | None = None) -> Messages:
    """A parser of one answer."""
    own = isinstance(calls, Messages)
    return Messages(thinks=True, begun=begun, calls=own, others=None if own else calls)


def prelude(begun: bool) -> Sequence[Part]:
    """Analysis that may come before a message of another channel."""
    return [Free(END), TURN] if begun else [Maybe([ANALYSIS, Free(END), TURN])]

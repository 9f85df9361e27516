"""Harmony (gpt-oss): messages with a channel and, if they are calls, a recipient, by their text markers."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers import json_text
from workers.parsers.grammar_parts import GrammarPart, Value
from workers.parsers.layouts import whole
from workers.parsers.syntaxes.harmony import CHANNEL, END, MESSAGE, START, TO, TURN, HarmonyParser

NAMES = ("harmony", "openai", "gpt_oss", "gpt-oss")
RANK = 1
MARKERS = (START, CHANNEL, *TO)
OBJECTS = True
BEFORE, BETWEEN, AFTER = "", END + TURN, ""


def recognises(template: str) -> bool:
    """Whether a chat template has channels and messages."""
    return CHANNEL in template and MESSAGE in template


def parser(tools: Mapping[str, Mapping[str, Any]]) -> HarmonyParser:
    """A parser of this format."""
    return HarmonyParser(thinks=False)


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them after the prompt's `<|start|>assistant`."""
    return BETWEEN.join(_head(name) + json_text.written(arguments) for name, arguments in calls)


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
    """How a call of this function is written; the end of the turn ends it."""
    return (_head(name), Value(whole(schema)))


def _head(name: str) -> str:
    return f"{CHANNEL}commentary to=functions.{name} <|constrain|>json{MESSAGE}"

"""Muse: <atem:invoke name="f"> elements in an <atem:function_calls> section, in messages with recipients."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers.grammar_parts import GrammarPart
from workers.parsers.syntaxes.markup import Elements
from workers.parsers.syntaxes.muse import MuseParser

_FORMAT = Elements(
    "<atem:function_calls>",
    "</atem:function_calls>",
    ("<atem:invoke", "name", "="),
    "</atem:invoke>",
    ("<atem:parameter", "name", "="),
    "</atem:parameter>",
    quote='"',
    line="",
)
NAMES = ("muse", "muse_spark", "muse_glimmer", "atem")
RANK = 1
MARKERS = _FORMAT.markers
OBJECTS = True
BEFORE, BETWEEN, AFTER = f"{_FORMAT.open}\n", "\n", f"\n{_FORMAT.close}"


def recognises(template: str) -> bool:
    """Whether a chat template has this section."""
    return _FORMAT.open in template


def parser(tools: Mapping[str, Mapping[str, Any]]) -> MuseParser:
    """A parser of this format."""
    return MuseParser(thinks=False, calls=_FORMAT.parser(tools))


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    return BEFORE + BETWEEN.join(_FORMAT.written(*call) for call in calls) + AFTER if calls else ""


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
    """How a call of this function is written."""
    return (_FORMAT.begin(name), *_FORMAT.parts(schema), _FORMAT.call_close)

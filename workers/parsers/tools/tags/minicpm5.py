"""MiniCPM5: <function name="f"> with a <param name="k"> for each argument, which may be CDATA."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers.grammar_parts import GrammarPart
from workers.parsers.syntaxes.markup import Elements

_FORMAT = Elements(
    "",
    "",
    ("<function", "name", "="),
    "</function>",
    ("<param", "name", "="),
    "</param>",
    quote='"',
    line="",
    cdata=True,
)
NAMES = ("minicpm5",)
RANK = 3
MARKERS = _FORMAT.markers
OBJECTS = True
BEFORE, BETWEEN, AFTER = "", "\n", ""
parser = _FORMAT.parser


def recognises(template: str) -> bool:
    """Whether a chat template has both elements."""
    return '<function name="' in template and '<param name="' in template


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    return BETWEEN.join(_FORMAT.written(*call) for call in calls)


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
    """How a call of this function is written."""
    return (_FORMAT.begin(name), *_FORMAT.parts(schema), "</function>")

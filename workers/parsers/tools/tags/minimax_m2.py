"""MiniMax M2: <invoke name="f"> elements in a <minimax:tool_call> section."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers.grammar_parts import GrammarPart
from workers.parsers.syntaxes.markup import Elements

_FORMAT = Elements(
    "<minimax:tool_call>",
    "</minimax:tool_call>",
    ("<invoke", "name", "="),
    "</invoke>",
    ("<parameter", "name", "="),
    "</parameter>",
    quote='"',
    line="",
)
NAMES = ("minimax_m2", "minimax")
RANK = 1
MARKERS = _FORMAT.markers
OBJECTS = True
BEFORE, BETWEEN, AFTER = "<minimax:tool_call>\n", "\n", "\n</minimax:tool_call>"
parser = _FORMAT.parser


def recognises(template: str) -> bool:
    """Whether a chat template has MiniMax's section."""
    return "<minimax:tool_call>" in template


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    return BEFORE + BETWEEN.join(_FORMAT.written(*call) for call in calls) + AFTER if calls else ""


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
    """How a call of this function is written."""
    return (_FORMAT.begin(name), *_FORMAT.parts(schema), "</invoke>")

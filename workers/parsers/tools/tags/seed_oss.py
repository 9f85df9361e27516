"""Seed-OSS: <function=f> with a <parameter=k> for each argument, between <seed:tool_call> and </seed:tool_call>."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers.grammar_parts import GrammarPart
from workers.parsers.syntaxes.markup import Elements

_FORMAT = Elements(
    "<seed:tool_call>",
    "</seed:tool_call>",
    ("<function", "="),
    "</function>",
    ("<parameter", "="),
    "</parameter>",
    quote="",
    line="",
)
NAMES = ("seed_oss",)
RANK = 3
MARKERS = _FORMAT.markers
OBJECTS = True
BEFORE, BETWEEN, AFTER = "", "\n", ""
parser = _FORMAT.parser


def recognises(template: str) -> bool:
    """Whether a chat template has Seed's section."""
    return "<seed:tool_call>" in template


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    return BETWEEN.join(f"{_FORMAT.open}\n{_FORMAT.written(*call)}\n{_FORMAT.close}" for call in calls)


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
    """How a call of this function is written."""
    return (f"{_FORMAT.open}\n" + _FORMAT.begin(name), *_FORMAT.parts(schema), f"</function>\n{_FORMAT.close}")

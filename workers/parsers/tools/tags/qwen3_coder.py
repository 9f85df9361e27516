"""Qwen3-Coder: <function=f> with a <parameter=k> for each argument; also Qwen 3.5, Nemotron 3 Nano and Step 3.5."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers.grammar_parts import GrammarPart
from workers.parsers.marker_parser import Within
from workers.parsers.syntaxes.markup import Elements

_FORMAT = Elements(
    "<tool_call>",
    "</tool_call>",
    ("<function", "="),
    "</function>",
    ("<parameter", "="),
    "</parameter>",
    quote="",
    line="\n",
    within=Within.END,
)
NAMES = ("qwen3_coder", "nemotron3_nano", "step_35", "qwen3_5", "qwen3_xml", "step3p5")
RANK = 2
MARKERS = _FORMAT.markers
OBJECTS = True
BEFORE, BETWEEN, AFTER = "", "\n", ""
parser = _FORMAT.parser


def recognises(template: str) -> bool:
    """Whether a chat template writes functions as tags."""
    return "<function=" in template and "<parameter=" in template


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    return BETWEEN.join(f"<tool_call>\n{_FORMAT.written(*call)}\n</tool_call>" for call in calls)


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
    """How a call of this function is written."""
    return ("<tool_call>\n" + _FORMAT.begin(name), *_FORMAT.parts(schema), "</function>\n</tool_call>")

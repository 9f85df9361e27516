"""Hunyuan V3: a name and tagged pairs in a section, a separator behind the name."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers.syntaxes.markup import Pairs

_FORMAT = Pairs(prefix="", line="\n", section=("<tool_calls>", "</tool_calls>"), separator="<tool_sep>")
NAMES = ("hy_v3",)
RANK = 2
MARKERS = _FORMAT.markers
OBJECTS = True
BEFORE, BETWEEN, AFTER = "<tool_calls>\n", "\n", "\n</tool_calls>"
parser, layout = _FORMAT.parser, _FORMAT.layout


def recognises(template: str) -> bool:
    """Whether a chat template has this separator."""
    return "<tool_sep>" in template


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    return BEFORE + _FORMAT.write(calls) + AFTER if calls else ""

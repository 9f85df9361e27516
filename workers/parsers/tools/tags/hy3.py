"""Hy3: as Hunyuan V3, with every tag's name marked as that of the open model."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers.syntaxes.markup import Pairs

_SUFFIX = ":opensource"
_FORMAT = Pairs(
    prefix="",
    line="\n",
    section=(f"<tool_calls{_SUFFIX}>", f"</tool_calls{_SUFFIX}>"),
    separator=f"<tool_sep{_SUFFIX}>",
    suffix=_SUFFIX,
)
NAMES = ("hy3",)
RANK = 2
MARKERS = _FORMAT.markers
OBJECTS = True
BEFORE, BETWEEN, AFTER = f"{_FORMAT.section[0]}\n", "\n", f"\n{_FORMAT.section[1]}"
parser, layout = _FORMAT.parser, _FORMAT.layout


def recognises(template: str) -> bool:
    """Whether a chat template has this separator, which it may put together."""
    return _FORMAT.separator in template or ("<tool_sep{}>" in template and _SUFFIX in template)


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them."""
    return BEFORE + _FORMAT.write(calls) + AFTER if calls else ""

"""LongCat Flash: a name and tagged pairs with names of its own."""

from workers.parsers.syntaxes.markup import Pairs

_FORMAT = Pairs(prefix="longcat_", line="\n")
NAMES = ("longcat_flash_lite", "longcat")
RANK = 1
MARKERS = (_FORMAT.open,)
OBJECTS = True
BEFORE, BETWEEN, AFTER = "", "\n", ""
parser, write, layout = _FORMAT.parser, _FORMAT.write, _FORMAT.layout


def recognises(template: str) -> bool:
    """Whether a chat template has these tags."""
    return "<longcat_arg_key>" in template or "<longcat_tool_call>" in template

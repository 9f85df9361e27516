"""GLM 4.5 and 4.6: a name and tagged pairs, a line each."""

from workers.parsers.syntaxes.markup import Pairs

_FORMAT = Pairs(prefix="", line="\n")
NAMES = ("glm4_moe", "glm45", "glm4")
RANK = 1
MARKERS = (_FORMAT.open,)
OBJECTS = True
BEFORE, BETWEEN, AFTER = "", "\n", ""
parser, write, layout = _FORMAT.parser, _FORMAT.write, _FORMAT.layout


def recognises(template: str) -> bool:
    """Whether a chat template has these pairs."""
    return "<arg_key>" in template

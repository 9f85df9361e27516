"""GLM 4.7 and 5: a name and tagged pairs, all on one line."""

from workers.parsers.syntaxes.markup import Pairs

_FORMAT = Pairs(prefix="", line="")
NAMES = ("glm47", "glm47_flash", "glm5", "laguna", "poolside_v1")
RANK = 2
MARKERS = (_FORMAT.open,)
OBJECTS = True
BEFORE, BETWEEN, AFTER = "", "\n", ""
parser, write, layout = _FORMAT.parser, _FORMAT.write, _FORMAT.layout


def recognises(template: str) -> bool:
    """Whether a chat template has these pairs on one line."""
    return "</arg_key><arg_value>" in template

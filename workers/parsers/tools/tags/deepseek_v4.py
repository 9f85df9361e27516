"""DeepSeek V4: invoke elements in a section of tool_calls."""

from workers.parsers.syntaxes.dsml import Dsml

_FORMAT = Dsml("tool_calls")
NAMES = ("deepseek_v4",)
RANK = 1
MARKERS = _FORMAT.elements.markers
OBJECTS = False  # its encoder parses the arguments itself
BEFORE, BETWEEN, AFTER = f"{_FORMAT.open}\n", "\n", f"\n{_FORMAT.close}"
parser, write, layout = _FORMAT.parser, _FORMAT.write, _FORMAT.layout


def recognises(template: str) -> bool:
    """Whether a chat template has this section."""
    return "DSML" in template and "tool_calls>" in template

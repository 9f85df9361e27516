"""FunctionGemma: call:f{k:<escape>v<escape>} between markers."""

from workers.parsers.syntaxes.gemma import Gemma

_FORMAT = Gemma("<start_function_call>", "<end_function_call>", "<escape>")
NAMES = ("functiongemma", "function_gemma")
RANK = 1
MARKERS = (_FORMAT.open,)
OBJECTS = True
BEFORE, BETWEEN, AFTER = "", "", ""
parser, write, layout = _FORMAT.parser, _FORMAT.write, _FORMAT.layout


def recognises(template: str) -> bool:
    """Whether a chat template has these markers."""
    return "<start_function_call>" in template

"""Gemma 4: call:f{k:<|"|>v<|"|>} between markers."""

from workers.parsers.syntaxes.gemma import Gemma

_FORMAT = Gemma("<|tool_call>", "<tool_call|>", '<|"|>', spoiled=("<call>",), bare=("call:",))
NAMES = ("gemma4",)
RANK = 1
MARKERS = (_FORMAT.open,)
OBJECTS = True
BEFORE, BETWEEN, AFTER = "", "", ""
parser, write, layout = _FORMAT.parser, _FORMAT.write, _FORMAT.layout


def recognises(template: str) -> bool:
    """Whether a chat template has these markers."""
    return "<|tool_call>" in template and "<tool_call|>" in template

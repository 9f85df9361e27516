"""Phi-4 mini: a list of JSON objects between <|tool_call|> and <|/tool_call|>, or after functools."""

from workers.parsers.syntaxes.json_calls import json_list

_FORMAT = json_list("<|tool_call|>", "<|/tool_call|>", {"functools": ""})
NAMES = ("phi4", "phi4_mini_json", "phi4_mini")
RANK = 2
MARKERS = tuple(_FORMAT.markers)
OBJECTS = True
BEFORE, BETWEEN, AFTER = _FORMAT.before, _FORMAT.between, _FORMAT.after
parser, write, layout = _FORMAT.parser, _FORMAT.write, _FORMAT.layout


def recognises(template: str) -> bool:
    """Whether a chat template has the markers of Phi-4 mini."""
    return "functools[" in template or "<|/tool|>" in template or "<|/tool_call|>" in template

"""Granite 3: a list of JSON objects after <|tool_call|>."""

from workers.parsers.syntaxes.json_calls import json_list

_FORMAT = json_list("<|tool_call|>", "", {"<tool_call>": "</tool_call>"})
NAMES = ("granite", "granite3")
RANK = 1
MARKERS = tuple(_FORMAT.markers)
OBJECTS = True
BEFORE, BETWEEN, AFTER = _FORMAT.before, _FORMAT.between, _FORMAT.after
parser, write, layout = _FORMAT.parser, _FORMAT.write, _FORMAT.layout


def recognises(template: str) -> bool:
    """Whether a chat template has this marker."""
    return "<|tool_call|>" in template

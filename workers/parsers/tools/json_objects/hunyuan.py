"""Hunyuan A13B and Apriel: a list of JSON objects between <tool_calls> and </tool_calls>."""

from workers.parsers.syntaxes.json_calls import json_list

_FORMAT = json_list("<tool_calls>", "</tool_calls>")
NAMES = ("hunyuan", "hunyuan_a13b", "apriel")
RANK = 1
MARKERS = tuple(_FORMAT.markers)
OBJECTS = True
BEFORE, BETWEEN, AFTER = _FORMAT.before, _FORMAT.between, _FORMAT.after
parser, write, layout = _FORMAT.parser, _FORMAT.write, _FORMAT.layout


def recognises(template: str) -> bool:
    """Whether a chat template has a list between these markers."""
    return "<tool_calls>" in template

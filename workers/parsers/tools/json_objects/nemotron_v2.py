"""Nemotron Nano v2: a list of JSON objects between <TOOLCALL> and </TOOLCALL>."""

from workers.parsers.syntaxes.json_calls import json_list

_FORMAT = json_list("<TOOLCALL>", "</TOOLCALL>")
NAMES = ("nemotron_v2", "nemotron_json", "nemotron_nano_v2")
RANK = 1
MARKERS = tuple(_FORMAT.markers)
OBJECTS = True
BEFORE, BETWEEN, AFTER = _FORMAT.before, _FORMAT.between, _FORMAT.after
parser, write, layout = _FORMAT.parser, _FORMAT.write, _FORMAT.layout


def recognises(template: str) -> bool:
    """Whether a chat template has these markers."""
    return "<TOOLCALL>" in template

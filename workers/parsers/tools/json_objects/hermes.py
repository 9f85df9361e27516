"""Hermes: a JSON object between <tool_call> and </tool_call>, as Hermes, Qwen 2.5 and 3 and Granite 4 write it."""

from workers.parsers.marker_parser import Within
from workers.parsers.syntaxes.json_calls import JsonCalls

_FORMAT = JsonCalls(
    {"<tool_call>": "</tool_call>"},
    between="\n",
    head='<tool_call>\n{"name": "',
    tail="}\n</tool_call>",
    within=Within.TEXT,
)
NAMES = ("hermes", "qwen3", "qwen3_moe", "qwen3_vl", "qwen3_next", "iquest_coder_v1", "qwen2_5", "granite4", "ernie45")
RANK = 0
MARKERS = ("<tool_call>",)
OBJECTS = True
BEFORE, BETWEEN, AFTER = _FORMAT.before, _FORMAT.between, _FORMAT.after
parser, write, layout = _FORMAT.parser, _FORMAT.write, _FORMAT.layout


def recognises(template: str) -> bool:
    """Whether a chat template has a JSON object between these markers."""
    return "<tool_call>" in template and "arguments" in template

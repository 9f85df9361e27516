"""Granite 3: a list of JSON objects after <|tool_call|>."""

from workers.parsers.json_calls import JsonCalls

_FORMAT = JsonCalls(
    {"<|tool_call|>": "", "<tool_call>": "</tool_call>"},
    before="<|tool_call|>[",
    between=", ",
    after="]",
    head='{"name": "',
    middle='", "arguments": ',
    tail="}",
)
NAMES = ("granite", "granite3")
RANK = 1
MARKERS = ("<|tool_call|>", "<tool_call>")
OBJECTS = True
BEFORE, BETWEEN, AFTER = _FORMAT.before, _FORMAT.between, _FORMAT.after
parser, write, layout = _FORMAT.parser, _FORMAT.write, _FORMAT.layout


def recognises(template: str) -> bool:
    """Whether a chat template has this marker."""
    return "<|tool_call|>" in template

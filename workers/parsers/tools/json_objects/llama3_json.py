"""Llama 3 and 4: a bare JSON object with a name and parameters, or one after <|python_tag|>."""

from workers.parsers.syntaxes.json_calls import JsonCalls

_FORMAT = JsonCalls(
    {"<|python_tag|>": "", "<|python_start|>": "<|python_end|>"},
    between="; ",
    middle='", "parameters": ',
    bare=("{",),
)
NAMES = ("llama3_json", "llama3", "llama4_json")
RANK = 2
MARKERS = ("<|python_tag|>", "<|python_start|>", "{")
OBJECTS = True
BEFORE, BETWEEN, AFTER = _FORMAT.before, _FORMAT.between, _FORMAT.after
parser, write, layout = _FORMAT.parser, _FORMAT.write, _FORMAT.layout


def recognises(template: str) -> bool:
    """Whether a chat template asks for an object with parameters."""
    return "parameters" in template and "dictionary of argument name and its value" in template

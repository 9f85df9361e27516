"""GigaChat 3: a JSON object in a message of the role `function call`, or after its token."""

from workers.parsers.syntaxes.json_calls import JsonCalls

_FORMAT = JsonCalls(
    {
        "<|message_sep|>\n\nfunction call<|role_sep|>\n": "<|message_sep|>",
        "function call<|role_sep|>\n": "<|message_sep|>",
        "<|function_call|>": "<|message_sep|>",
    },
    head='<|message_sep|>\n\nfunction call<|role_sep|>\n{"name": "',
)
NAMES = ("gigachat3",)
RANK = 1
MARKERS = tuple(_FORMAT.markers)
OBJECTS = True
BEFORE, BETWEEN, AFTER = _FORMAT.before, _FORMAT.between, _FORMAT.after
parser, write, layout = _FORMAT.parser, _FORMAT.write, _FORMAT.layout


def recognises(template: str) -> bool:
    """Whether a chat template has this role, or the token."""
    return ("function call" in template and "<|role_sep|>" in template) or "<|function_call|>" in template

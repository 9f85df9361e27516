"""xLAM: a bare list of JSON objects, one in a code block, or in an object tool_calls."""

from workers.parsers.syntaxes.json_calls import JsonCalls

_FORMAT = JsonCalls(
    {"<tool_call>": "</tool_call>", "```json": "```"},
    before="[",
    between=", ",
    after="]",
    bare=("[", "{"),
    doubtful=("```json",),
)
NAMES = ("xlam",)
RANK = 1
MARKERS = ("[", "{", "<tool_call>", "```json")
OBJECTS = True
BEFORE, BETWEEN, AFTER = _FORMAT.before, _FORMAT.between, _FORMAT.after
parser, write, layout = _FORMAT.parser, _FORMAT.write, _FORMAT.layout


def recognises(template: str) -> bool:
    """Whether a chat template asks for a list of calls without markers."""
    return "tool_call_name" in template or "xLAM" in template

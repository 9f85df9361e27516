"""InternLM 2 and 2.5: a JSON object with parameters after <|action_start|><|plugin|>."""

from workers.parsers.syntaxes.json_calls import JsonCalls

_FORMAT = JsonCalls(
    {"<|action_start|><|plugin|>": "<|action_end|>"},
    between="\n",
    head='<|action_start|><|plugin|>\n{"name": "',
    middle='", "parameters": ',
    tail="}<|action_end|>",
)
NAMES = ("internlm", "internlm2", "internlm2_5")
RANK = 1
MARKERS = ("<|action_start|><|plugin|>",)
OBJECTS = True
BEFORE, BETWEEN, AFTER = _FORMAT.before, _FORMAT.between, _FORMAT.after
parser, write, layout = _FORMAT.parser, _FORMAT.write, _FORMAT.layout


def recognises(template: str) -> bool:
    """Whether a chat template has these markers."""
    return "<|action_start|>" in template or "<|plugin|>" in template

"""Command R7B and A: a list of JSON objects between <|START_ACTION|> and <|END_ACTION|>; Command R: after Action."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.parsers import json_text
from workers.parsers.grammar_parts import GrammarPart, Value
from workers.parsers.layouts import whole
from workers.parsers.syntaxes.json_calls import JsonCalls

_FORMAT = JsonCalls(
    {
        "<|START_ACTION|>": "<|END_ACTION|>",
        **dict.fromkeys(("Action:```json", "Action: ```json", "Action:\n```json"), "```"),
    },
    before="<|START_ACTION|>[\n    ",
    between=",\n    ",
    after="\n]<|END_ACTION|>",
    head='{"tool_call_id": "0", "tool_name": "',
    middle='", "parameters": ',
    dropped=("<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>"),
)
NAMES = ("cohere", "command", "command_r", "cohere_command", "command_r7b", "command_a", "cohere2_moe")
RANK = 1
MARKERS = tuple(_FORMAT.markers)
OBJECTS = True
BEFORE, BETWEEN, AFTER = _FORMAT.before, _FORMAT.between, _FORMAT.after
parser = _FORMAT.parser


def recognises(template: str) -> bool:
    """Whether a chat template has Command's markers."""
    return "<|START_ACTION|>" in template or ("<|CHATBOT_TOKEN|>" in template and "Action:" in template)


def write(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The calls as a model writes them, counted from 0."""
    if not calls:
        return ""
    written = (
        f'{{"tool_call_id": "{at}", "tool_name": {json_text.quoted(name)}, '
        f'"parameters": {json_text.written(arguments)}}}'
        for at, (name, arguments) in enumerate(calls)
    )
    return BEFORE + BETWEEN.join(written) + AFTER


def layout(name: str, schema: Mapping[str, Any]) -> Sequence[GrammarPart]:
    """How a call of this function is written."""
    return (
        '{"tool_call_id": ',
        Value({"type": "string", "pattern": "^[0-9]{1,3}$"}),
        f', "tool_name": {json_text.quoted(name)}, "parameters": ',
        Value(whole(schema)),
        "}",
    )

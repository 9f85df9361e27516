"""In every format of tags a closing tag may be missing, at any level; what follows it is lost to no value."""

from __future__ import annotations

import json
import re

import pytest

from tests.workers.parsers.tools.outcome import FORMATS, cuts, outcome

TOOLS = {"f": {"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}, "g": {"properties": {}}}
CALLS = [("f", {"a": "x y", "b": 1}), ("g", {}), ("f", {"b": 2, "a": "z"})]
MARKUP = [
    name
    for name, form in FORMATS.items()
    if "x y" in (text := form.write(CALLS)) and '"x y"' not in text and "'x y'" not in text
]
_CLOSING = re.compile(r"</[^<>]*>|<\|close\|>\w+<\|sep\|>|\]<\]minimax\[>\[</[^<>]*>")


def closings(text: str) -> list[tuple[int, int]]:
    """Where the closing tags of a text stand."""
    return [match.span() for match in _CLOSING.finditer(text)]


def test_there_are_formats_of_markup() -> None:
    assert {"qwen3_coder", "glm4_moe", "glm47", "minimax_m2", "minimax_m3", "deepseek_v32", "kimi_k3", "muse"} <= set(
        MARKUP
    )


def _bare(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


@pytest.mark.parametrize("name", [name for name in MARKUP if _CLOSING.search(FORMATS[name].write(CALLS))])
def test_without_one_of_its_closing_tags_an_answer_holds_the_same_calls(name: str) -> None:
    text = FORMATS[name].write(CALLS)
    for start, end in closings(text)[:-1]:  # where an answer ends amid a call it may have been cut off
        spoiled = text[:start] + text[end:]
        for chunks in cuts(spoiled, name, 3):
            content, calls = outcome(FORMATS[name], chunks, TOOLS)
            # Where a tag is taken away from its line, the line that is left belongs to the value.
            named = [
                (call.name, {key: _bare(value) for key, value in json.loads(call.arguments).items()}) for call in calls
            ]
            assert named == CALLS, spoiled
            assert not content.strip(), spoiled

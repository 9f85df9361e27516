"""Step 3.5 and 3.7: `<think>` or `<thinking>`, opened by the prompt, with tool calls inside."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.parser_events import Parser, Part
from workers.parsers.reasoning import mixed_think_tool_handoff as mixed

NAMES: tuple[str, ...] = ("step_35",)
MARKERS = mixed.MARKERS
CLOSE = mixed.CLOSE
ANSWER = ""


def recognises(template: str) -> bool:
    """Whether the template is Step's, which gives tools' outputs a turn of their own."""
    return thinking.OPEN in template and "<|im_start|>tool_response" in template


def begun(prompt: str) -> bool:
    """Whether the prompt ends inside the thinking: with thinking turned off it opens none and closes none."""
    return mixed.begun(prompt)


def parser(begun: bool) -> Parser:
    """A parser of one answer."""
    return mixed.parser(begun)


def prelude(begun: bool) -> Sequence[Part]:
    """Thinking before a constrained answer."""
    return mixed.prelude(begun)

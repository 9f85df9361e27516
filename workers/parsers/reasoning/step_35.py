"""Step 3.5 and 3.7: `<think>` or `<thinking>`, opened by the prompt, with tool calls inside."""

from __future__ import annotations

from workers.parsers import thinking
from workers.parsers.reasoning import mixed_think_tool_handoff as mixed

NAMES: tuple[str, ...] = ("step_35", "step3p5")
RANK = 1
MARKERS = mixed.MARKERS
CLOSE = mixed.CLOSE
ANSWER = ""
begun, parser, prelude = mixed.begun, mixed.parser, mixed.prelude


def recognises(template: str) -> bool:
    """Whether the template is Step's, which gives tools' outputs a turn of their own."""
    return thinking.OPEN in template and "<|im_start|>tool_response" in template

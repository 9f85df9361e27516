"""`<think>…</think>` of DeepSeek: R1 and its distillations, and V3.1, whose prompts open or close it."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.parser_events import Parser, Part

NAMES: tuple[str, ...] = ("deepseek_r1",)
MARKERS: tuple[str, ...] = (thinking.OPEN, thinking.CLOSE)
CLOSE = "\n</think>\n\n"
ANSWER = ""


def recognises(template: str) -> bool:
    """Whether the template is DeepSeek's and knows the end of thinking."""
    return "<｜Assistant｜>" in template and thinking.CLOSE in template


def begun(prompt: str) -> bool:
    """Whether the prompt ends inside the thinking; after a tool's output it does not."""
    return thinking.ends_open(prompt)


def parser(begun: bool) -> Parser:
    """A parser of one answer."""
    return thinking.Blocks(thinking.THINK, begun=begun)


def prelude(begun: bool) -> Sequence[Part]:
    """Thinking before a constrained answer."""
    return thinking.prelude(begun)

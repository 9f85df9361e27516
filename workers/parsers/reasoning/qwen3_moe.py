"""`<think>…</think>`, opened by the prompt: Qwen3 Thinking 2507, Qwen3.5, GLM-4.7, MiniMax M2, Nemotron 3, QwQ."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.parser_events import Parser, Part

# fmt: off
NAMES: tuple[str, ...] = (
    "qwen3_moe", "qwen3_vl", "qwen3_next", "qwen3_5", "glm47_flash", "minimax_m2", "nemotron3_nano",
)
# fmt: on
MARKERS: tuple[str, ...] = (thinking.OPEN, thinking.CLOSE)
CLOSE = "\n</think>\n\n"
ANSWER = ""


def recognises(template: str) -> bool:
    """Whether the template's prompts can end inside `<think>`."""
    return thinking.thinks(template) and thinking.opens(template)


def begun(prompt: str) -> bool:
    """Whether thinking comes first: these models think unless the prompt has closed it."""
    return not thinking.ends_closed(prompt)


def parser(begun: bool) -> Parser:
    """A parser of one answer."""
    return thinking.Blocks(thinking.THINK, begun=begun)


def prelude(begun: bool) -> Sequence[Part]:
    """Thinking before a constrained answer."""
    return thinking.prelude(begun)

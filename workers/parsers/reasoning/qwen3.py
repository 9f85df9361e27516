"""`<think>…</think>`, opened by the model: Qwen3, QwQ-like Hermes, Kimi K2 Thinking, GLM-4.5 and GLM-4.6, SmolLM3."""

from __future__ import annotations

from collections.abc import Sequence

from workers.parsers import thinking
from workers.parsers.parser_events import Parser, Part

NAMES: tuple[str, ...] = ("qwen3", "hermes", "kimi_k2", "glm4_moe")
MARKERS: tuple[str, ...] = (thinking.OPEN, thinking.CLOSE)
CLOSE = "\n</think>\n\n"
ANSWER = ""


def recognises(template: str) -> bool:
    """Whether the template knows `<think>`, and leaves it to the model to open it."""
    return thinking.thinks(template) and not thinking.opens(template)


def begun(prompt: str) -> bool:
    """Whether the prompt ends inside the thinking."""
    return thinking.ends_open(prompt)


def parser(begun: bool) -> Parser:
    """A parser of one answer."""
    return thinking.Blocks(thinking.THINK, begun=begun)


def prelude(begun: bool) -> Sequence[Part]:
    """Thinking before a constrained answer."""
    return thinking.prelude(begun)

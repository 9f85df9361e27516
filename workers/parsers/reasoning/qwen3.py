"""`<think>…</think>`, opened by the model or by the prompt: Qwen3, DeepSeek R1, Kimi K2, GLM, MiniMax M2, Nemotron."""

from __future__ import annotations

from workers.parsers import thinking

# fmt: off
NAMES: tuple[str, ...] = (
    "qwen3", "hermes", "kimi_k2", "glm4_moe", "qwen3_moe", "qwen3_vl", "qwen3_next", "qwen3_5", "glm47_flash",
    "minimax_m2", "nemotron3_nano", "deepseek_r1", "deepseek_v4", "laguna", "olmo3", "lfm2",
)
# fmt: on
RANK = 0
MARKERS: tuple[str, ...] = (thinking.OPEN, thinking.CLOSE)
CLOSE = "\n</think>\n\n"
ANSWER = ""
begun, parser, prelude = thinking.THINK.begun, thinking.THINK.parser, thinking.THINK.prelude


def recognises(template: str) -> bool:
    """Whether the template knows both markers."""
    return all(marker in template for marker in MARKERS)

"""What the items of responses and of conversations, and their parts, may be."""

from __future__ import annotations

from typing import Literal, TypeAlias

ItemStatus: TypeAlias = Literal["in_progress", "completed", "incomplete"]
PartType: TypeAlias = Literal[
    "input_text",
    "output_text",
    "refusal",
    "input_image",
    "input_file",
    "input_audio",
    "summary_text",
    "reasoning_text",
]
ItemType: TypeAlias = Literal[
    "message",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "reasoning",
    "compaction",
]

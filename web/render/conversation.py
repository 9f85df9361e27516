"""A conversation as OpenAI shows it."""

from __future__ import annotations

from typing import Any

from tasks.stored.conversations import Described


def body(described: Described) -> dict[str, Any]:
    """The conversation object; `created_at` is in seconds since the epoch."""
    return {
        "id": described.conversation.id,
        "object": "conversation",
        "created_at": described.conversation.created // 1000,
        "metadata": described.metadata,
    }

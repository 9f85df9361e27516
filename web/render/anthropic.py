"""Models, pages of lists and times as Anthropic's API shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tasks.values.model import Details


def model(name: str, created: int, details: Details) -> dict[str, Any]:
    """One model; `created` is in milliseconds since the epoch."""
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": time(created),
        "lifecycle": "active",
        "max_input_tokens": details.context_length,
        "max_tokens": details.context_length,
    }


def page(shown: Sequence[dict[str, Any]], has_more: bool) -> dict[str, Any]:
    """A stretch of a list, with the ids that its reader goes on from."""
    return {
        "data": shown,
        "has_more": has_more,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }


def time(milliseconds: int) -> str:
    """A time since the epoch as RFC 3339 writes it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""A stretch of a listing, as OpenAI shows files and batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def body(shown: Sequence[dict[str, Any]], has_more: bool) -> dict[str, Any]:
    """The list object of these entries, with the ids that its reader goes on from."""
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": has_more,
    }

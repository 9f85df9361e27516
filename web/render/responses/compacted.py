"""What a conversation was compacted to: one item that stands for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.values.events import Usage
from web.render.responses import items
from web.render.responses.body import usage
from web.render.responses.output import item_id


def body(response_id: str, created: int, left: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The whole answer; no model is asked, so no tokens are used."""
    item = {
        "id": item_id("compaction", response_id.removeprefix("resp_"), 0),
        "type": "compaction",
        "encrypted_content": items.compacted(left),
    }
    return {
        "id": response_id,
        "object": "response.compaction",
        "created_at": created,
        "output": [item],
        "usage": usage(Usage()),
    }

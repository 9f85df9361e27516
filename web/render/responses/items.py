"""A response's input as items, and thinking and conversations in forms that a client keeps and need not read."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tasks.values.errors import InvalidValue
from tasks.values.job import Job
from tasks.values.responses import Asked
from web.render.responses.output import SEALED, item_id

MOST = 32 << 20  # bytes of a compacted conversation
_WITHOUT_STATUS = ("compaction", "item_reference")


def listed(job: Job, asked: Asked) -> list[dict[str, Any]]:
    """The input of a response as OpenAI lists it, in the order in which it was said."""
    return [shown(item, item_id(item["type"], job.id, f"i{number}")) for number, item in enumerate(asked.items)]


def shown(item: Mapping[str, Any], usual: str) -> dict[str, Any]:
    """An item with all that OpenAI's items have; its id is `usual` where its sender gave it none."""
    item_shown = {"id": usual, **({} if item["type"] in _WITHOUT_STATUS else {"status": "completed"}), **item}
    if item["type"] == "reasoning":
        return {"summary": [], **item_shown}
    if item["type"] != "message":
        return item_shown
    content, kind = item["content"], "output_text" if item["role"] == "assistant" else "input_text"
    parts = [{"type": kind, "text": content}] if isinstance(content, str) else content
    return {**item_shown, "content": [_part(part) for part in parts]}


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    more: dict[str, dict[str, Any]] = {
        "output_text": {"annotations": [], "logprobs": []},
        "input_image": {"detail": "auto"},
    }
    return {**more.get(part["type"], {}), **part}


def unsealed(thinking: str) -> str:
    """Thinking that was sealed here; ValueError for anything else."""
    if not thinking.startswith(SEALED):
        raise ValueError("was not made here")
    try:
        return base64.urlsafe_b64decode(thinking.removeprefix(SEALED).encode()).decode()
    except (binascii.Error, UnicodeError):
        raise ValueError("is damaged") from None


def compacted(items: Sequence[Mapping[str, Any]]) -> str:
    """Items as the content of one that stands for them."""
    return SEALED + base64.urlsafe_b64encode(zlib.compress(msgspec.json.encode(items))).decode()


def expanded(content: str) -> Any:
    """What `compacted` was given, to be checked as everything else that a client sends; ValueError if it was not."""
    if not content.startswith(SEALED):
        raise ValueError("was not made here")
    try:
        data = zlib.decompressobj()
        plain = data.decompress(base64.urlsafe_b64decode(content.removeprefix(SEALED).encode()), MOST)
        if data.unconsumed_tail:
            raise ValueError(f"holds more than {MOST} bytes")
        return msgspec.json.decode(plain)
    except (binascii.Error, zlib.error, UnicodeError, msgspec.DecodeError, RecursionError):
        raise ValueError("is damaged") from None


def page(listed: Sequence[dict[str, Any]], order: str, after: str | None, limit: int) -> dict[str, Any]:
    """A page of items that stand in the order in which they were said; InvalidValue when there is no item `after`."""
    ordered = list(listed) if order == "asc" else list(reversed(listed))
    begin = 0
    if after is not None:
        ids = [item["id"] for item in ordered]
        if after not in ids:
            raise InvalidValue(f"there is no item '{after}' here", param="after")
        begin = ids.index(after) + 1
    items = ordered[begin : begin + limit]
    return {
        "object": "list",
        "data": items,
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": begin + limit < len(ordered),
    }

"""Anthropic's way through a list: `limit` entries from its beginning, behind an id, or right before one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from itertools import dropwhile, islice
from typing import Any, NamedTuple


class Stretch(NamedTuple):
    """Entries of a list, and whether there are more in the direction that was asked for."""

    entries: list[dict[str, Any]]
    has_more: bool


def stretch(listed: Iterable[dict[str, Any]], asked: Mapping[str, Any]) -> Stretch:
    """The entries that a checked query asks for; none where the list does not hold the id that it names."""
    limit, after, before = asked["limit"], asked.get("after_id"), asked.get("before_id")
    if before is not None:
        entries, reached = deque[dict[str, Any]](maxlen=limit + 1), False
        for entry in listed:
            if reached := entry["id"] == before:
                break
            entries.append(entry)
        last = list(entries) if reached else []
        return Stretch(last[-limit:], len(last) > limit)
    if after is not None:
        listed = islice(dropwhile(lambda entry: entry["id"] != after, listed), 1, None)
    first = list(islice(listed, limit + 1))
    return Stretch(first[:limit], len(first) > limit)

"""A request's query as the object that a schema reads."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from werkzeug.datastructures import MultiDict


def read(args: MultiDict[str, str], lists: Collection[str] = ()) -> dict[str, Any]:
    """The query's values by name; metadata is said as `metadata[key]=value`, and `lists` may be said several times."""
    asked: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    for name, value in args.to_dict().items():
        plain = name.removesuffix("[]")
        if plain in lists:
            asked[plain] = [*args.getlist(plain), *args.getlist(f"{plain}[]")]
        elif name.startswith("metadata[") and name.endswith("]"):
            metadata[name[len("metadata[") : -1]] = value
        else:
            asked[name] = value
    if metadata and "metadata" not in asked:  # a query with both has one that is not an object, and is refused
        asked["metadata"] = metadata
    return asked

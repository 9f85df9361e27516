"""Server-sent events, as the WHATWG HTML standard frames them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

MIMETYPE = "text/event-stream"
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"


def data(value: object) -> bytes:
    """A value as one event, named where it says its `type`."""
    kind = value.get("type") if isinstance(value, Mapping) else None
    name = f"event: {kind}\n".encode() if isinstance(kind, str) else b""
    return name + b"data: " + msgspec.json.encode(value) + b"\n\n"


def event(id: str, name: str, value: object) -> bytes:
    """A named event with an id that a client can resume after."""
    return f"id: {id}\nevent: {name}\ndata: ".encode() + msgspec.json.encode(value) + b"\n\n"

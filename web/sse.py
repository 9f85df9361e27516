"""Server-sent events, as the WHATWG HTML standard frames them."""

from __future__ import annotations

import msgspec

MIMETYPE = "text/event-stream"
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"


def data(value: object) -> bytes:
    """A value as one unnamed event."""
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def event(id: str, name: str, value: object) -> bytes:
    """A named event with an id that a client can resume after."""
    return f"id: {id}\nevent: {name}\n".encode() + data(value)

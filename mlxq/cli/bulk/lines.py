"""The lines of a batch's input file."""

from __future__ import annotations

import json
from typing import Any


def line(custom_id: str, url: str, body: dict[str, Any]) -> bytes:
    """A request as a batch reads it."""
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": url, "body": body}).encode() + b"\n"

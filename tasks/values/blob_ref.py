"""How large bytes are named that lie beside Redis."""

from __future__ import annotations

import msgspec


class BlobRef(msgspec.Struct, frozen=True):
    """Bytes kept beside Redis, named by their content: hex sha256, size in bytes, media type."""

    sha256: str
    size: int
    type: str

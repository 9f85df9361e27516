"""A file as OpenAI's API shows it."""

from __future__ import annotations

from typing import Any

from tasks.stored.files import File


def body(file: File) -> dict[str, Any]:
    """The file object; times in seconds since the epoch."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.blob.size,
        "created_at": file.created // 1000,
        "expires_at": None if file.expires is None else file.expires // 1000,
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }

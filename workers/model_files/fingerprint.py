"""What tells one version of a model's files from another, for what was computed with them and is kept on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

_KINDS = frozenset({".json", ".safetensors"})


def fingerprint(folders: Sequence[Path], *more: object) -> str:
    """A digest of the weights and settings in these folders, by name, size and time, and of what else matters.

    Their bytes are not read: a model of many gigabytes would not load any faster for it.
    """
    files = [(folder, path) for folder in folders for path in sorted(folder.rglob("*")) if path.suffix in _KINDS]
    seen = [(str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns) for folder, path in files]
    return sha256(repr((seen, more)).encode()).hexdigest()[:16]

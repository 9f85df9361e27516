"""Where starter models lie, and whether one is complete."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workers.starter.models import StarterModel

# Counts up when a converter writes something else, so that folders of an older one are made anew.
FORMAT = 1
MANIFEST = "manifest.json"


def folder_of(model: StarterModel, cache: Path) -> Path:
    """Where a starter model lies once it is made."""
    return cache / "starter" / model.name


def complete(model: StarterModel, cache: Path) -> bool:
    """Whether the model's folder is there, of these package files, with every file the manifest lists."""
    folder = folder_of(model, cache)
    try:
        written = json.loads((folder / MANIFEST).read_text())
        sizes = {name: (folder / name).stat().st_size for name in written["files"]}
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return False
    return bool(written == manifest(model, sizes))


def manifest(model: StarterModel, sizes: dict[str, int]) -> dict[str, Any]:
    """What stands in the folder of a model with files of these sizes, in bytes."""
    return {
        "format": FORMAT,
        "name": model.name,
        "licence": model.licence,
        "sources": [
            {"package": file.project, "version": file.version, "file": file.filename, "sha256": file.sha256}
            for file in model.files
        ],
        "files": sizes,
    }

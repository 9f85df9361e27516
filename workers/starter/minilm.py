"""all-MiniLM-L6-v2 lies in its package as a Hugging Face folder, which is read as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

_NOT_WANTED = (".gitattributes", "README.md", "data_config.json")


def convert(source: Path, target: Path) -> None:
    """Copy the float32 safetensors, the tokenizer and the pooling's configuration."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(*_NOT_WANTED), dirs_exist_ok=True)

"""Whether a model_path is a folder of this machine."""

from __future__ import annotations

from pathlib import Path

STARTER = "starter:"


class ModelPathError(Exception):
    """A model_path leads to no model; the message says what to do."""


def folder(model_path: str) -> Path | None:
    """The folder that a model_path names; None for a Hugging Face repo id and for `starter:NAME`.

    Raises ModelPathError.
    """
    if model_path.startswith(STARTER):
        return None
    path = Path(model_path).expanduser()
    if path.is_dir():
        return path.resolve()
    if path.exists():
        raise ModelPathError(f"{model_path} is a file; model_path must be the folder that holds the model")
    if model_path.startswith(("/", "~", ".")) or model_path.count("/") > 1:
        raise ModelPathError(f"{model_path}: no such folder")
    return None

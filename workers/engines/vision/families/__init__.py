"""Architectures whose media is encoded piece by piece and kept: a file each, named as the `model_type`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from workers.engines.vision.family import Family

NAMES = tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem != "__init__"))


def family(model_type: str | None) -> Family | None:
    """The family of an architecture; None where it has none."""
    if model_type not in NAMES:
        return None
    module = import_module(f"{__name__}.{model_type}")
    chosen: Family = module.FAMILY
    return chosen

"""Processors of mlx-vlm that leave out what their models look for: a file each, named as the module, with a `mend`.

MLX checks no bounds: a model that looks behind an array's end takes whatever lies in memory there.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

NAMES = tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem != "__init__"))


def mend(architecture: str | None, processor: Any) -> None:
    """Let the processor of an architecture give all that its model looks for; others stay as they are."""
    if architecture in NAMES:
        import_module(f"{__name__}.{architecture}").mend(processor)

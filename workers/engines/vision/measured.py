"""What was found out about mlx-vlm's architectures with tiny random models of each, without loading anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("measured.json")


def measured() -> Mapping[str, Mapping[str, Any]]:
    """Architectures by name: `way`, `why`, `takes`, `several` and `tools`; or why one `failed`, or is `untried`."""
    found: Mapping[str, Mapping[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def way(architecture: str) -> str:
    """Which way a model of an architecture takes, and why, in a sentence."""
    found = measured().get(architecture, {})
    if "way" not in found:
        return "together or in turns, as a trial finds when the model is loaded"
    names = {"family": "together, its media piece by piece", "together": "together", "in turns": "in turns"}
    return f"{names[found['way']]}: {found['why']}"

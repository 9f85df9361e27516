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
    if (FILE.parent / "families" / f"{architecture}.py").exists():
        return "together, its media piece by piece: it is encoded between others' steps, and kept for later prompts"
    found = measured().get(architecture, {})
    if "way" in found:
        return f"{found['way']}: {found['why']}"
    reason = found.get("failed") or found.get("untried") or "mlx-vlm had none such when the table was made"
    by_trial = "together or in turns, as a trial finds when the model is loaded"
    return f"{by_trial}; the tests have not seen it answer: {reason}"

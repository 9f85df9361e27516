"""What came of mlx-lm's architectures when `tests.workers.engines.text.architecture_check` looked last. No MLX.

Some compute a padded row without complaint, and wrongly, so nothing but a measurement tells whether rows share a batch;
other obstacles are known by looking too (`cache/kv.py`), and stand here for those who ask before a model is loaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("measured.json")


@dataclass(frozen=True)
class Outcome:
    """What came of an architecture: `turns` is why its rows do not share a batch, `reuse` what serves later prompts."""

    served: bool
    turns: str | None = None
    reuse: str = ""
    reason: str = ""


@cache
def outcomes() -> Mapping[str, Outcome]:
    """What came of each architecture when all were looked at last."""
    return {name: Outcome(**outcome) for name, outcome in json.loads(FILE.read_text(encoding="utf-8")).items()}


def turns(architecture: str) -> str | None:
    """Why the rows of a model of an architecture take turns instead of sharing a batch; None where nobody found so."""
    return outcomes()[architecture].turns if architecture in outcomes() else None


def way(architecture: str) -> str:
    """How the rows of a model of an architecture are decoded, and why, as `mlxq models inspect` says it."""
    outcome = outcomes().get(architecture)
    if outcome is None:
        return "together or in turns, as a look at the model tells when it is loaded"
    if not outcome.served:
        return f"nobody saw it answer: {outcome.reason}"
    return f"in turns: {outcome.turns}" if outcome.turns else "together"

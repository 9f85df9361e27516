"""What came of each architecture of mlx-lm when `architecture_check` looked last. No MLX: a table is made of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

OUTCOMES = Path(__file__).parent / "architectures.json"


@dataclass(frozen=True)
class Outcome:
    """What came of an architecture: `turns` is why its rows do not share a batch, `reuse` what serves later prompts."""

    served: bool
    turns: str | None = None
    reuse: str = ""
    reason: str = ""


def outcomes() -> dict[str, Outcome]:
    """The outcomes that were written last, by architecture."""
    return {name: Outcome(**outcome) for name, outcome in json.loads(OUTCOMES.read_text()).items()}

"""The raw figures in a file, so that a report can be made of several runs of parts of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.report.measurement import Measurement


@dataclass(frozen=True)
class Run:
    """When a benchmark was measured last, of which commit, for how long, on what, and of whom not."""

    date: str
    commit: str
    seconds: float
    rounds: int
    machine: str
    absent: Mapping[str, str] = field(default_factory=dict)  # systems that could not take part, and why


@dataclass
class Results:
    """All figures there are, a run for each benchmark, and the systems' versions."""

    measurements: list[Measurement] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def put(self, benchmark: str, run: Run, found: Sequence[Measurement]) -> None:
        """What a run found, in the place of what was known of the same cases."""
        old, new = _by_case(self.measurements), _by_case(found)
        self.measurements = [one for case in (old | new) for one in new.get(case, old.get(case, []))]
        self.runs[benchmark] = run

    def write(self, path: Path) -> None:
        """As JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Results:
        """What `write` wrote; nothing where there is no file."""
        if not path.exists():
            return cls()
        found: dict[str, Any] = json.loads(path.read_text())
        return cls(
            [Measurement(**one) for one in found["measurements"]],
            {name: Run(**one) for name, one in found["runs"].items()},
            found["versions"],
        )


def _by_case(measurements: Sequence[Measurement]) -> dict[tuple[str, str], list[Measurement]]:
    found: dict[tuple[str, str], list[Measurement]] = {}
    for one in measurements:
        found.setdefault((one.benchmark, one.case), []).append(one)
    return found

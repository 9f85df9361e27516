"""Figures by case and system: what tables and plots show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.report.measurement import IN_PROCESS, METRICS, OURS, Measurement, Metric
from bench.summary import Summary, ratio, summary


@dataclass(frozen=True)
class Cell:
    """A system's rounds in one case, and ours ÷ theirs, None for ourselves."""

    rounds: Summary
    ratio: float | None


@dataclass(frozen=True)
class Table:
    """One metric of one benchmark; a cell that was not measured is missing."""

    benchmark: str
    metric: str
    cases: Sequence[str]
    systems: Sequence[str]
    cells: dict[tuple[str, str], Cell]

    @property
    def kind(self) -> Metric:
        """How its figures are shown."""
        return METRICS[self.metric]


def tables(benchmark: str, measurements: Sequence[Measurement]) -> list[Table]:
    """All tables of a benchmark, in the order of `METRICS`, their cases in the order in which they were measured."""
    own = [one for one in measurements if one.benchmark == benchmark]
    found = []
    for metric, kind in METRICS.items():
        part = [one for one in own if one.metric == metric]
        if part and (not kind.if_any or any(one.value for one in part)):
            found.append(_table(benchmark, metric, part))
    return found


def _table(benchmark: str, metric: str, part: Sequence[Measurement]) -> Table:
    rounds: dict[tuple[str, str], dict[int, float]] = {}
    for one in part:
        rounds.setdefault((one.case, one.system), {})[one.round] = one.value
    cells = {
        (case, system): Cell(
            summary(list(values.values())),
            ratio(rounds[case, OURS], values) if system != OURS and (case, OURS) in rounds else None,
        )
        for (case, system), values in rounds.items()
    }
    cases = list(dict.fromkeys(one.case for one in part))
    return Table(benchmark, metric, cases, sorted({one.system for one in part}, key=_order), cells)


def _order(system: str) -> tuple[bool, bool, str]:
    """Ours first, ceilings last."""
    return system != OURS, system == IN_PROCESS, system

"""The report as a page: what was measured how, and a table and a plot for each figure."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from bench.report import plots
from bench.report.measurement import OURS
from bench.report.peers import ALL
from bench.report.results import Results, Run
from bench.report.tables import Table, tables

HEAD = """\
# Benchmarks

Written by `make bench` (`python -m bench.report`), not by hand. All systems run on one machine, which also runs the
clients, in one run. Rounds take turns: in each round every system is measured once, another one first each time. A
cell is the median of the rounds with the lowest and the highest in brackets, then **ours ÷ theirs**, the median over
the rounds of the ratio within a round: what disturbs the machine for a while disturbs both. "In process" is what the
library itself reaches without a server.

Every server has an environment of its own, with pinned versions (`bench/peers`), and the same number of threads to
compute with. Those that compute with MLX serve the same weights and load the BLAS library that ours loads, put in front
of MLX's own by LD_PRELOAD on Linux; on macOS all of them use Accelerate.
"""


def write(path: Path, results: Results, benchmarks: Mapping[str, ModuleType]) -> None:
    """The page, and its plots in a folder beside it that is named as it is."""
    folder = path.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    lines = [HEAD, *_systems(results)]
    for name, module in benchmarks.items():
        lines += [f"## {name.capitalize()}\n", inspect.getdoc(module) or "", "", _run(results.runs[name]), ""]
        for table in tables(name, results.measurements):
            lines += [f"### {table.metric}{' (less is better)' if table.kind.less else ''}\n", *_rows(table), ""]
            if table.kind.plotted:
                plot = folder / f"{name}-{_slug(table.metric)}.svg"
                plots.draw(table, plot)
                lines += [f"![{name}: {table.metric}]({folder.name}/{plot.name})", ""]
    path.write_text("\n".join(lines).rstrip() + "\n")


def _systems(results: Results) -> Iterator[str]:
    notes = {peer.name: peer.note for peer in ALL}
    yield "| system | version | |"
    yield "| --- | --- | --- |"
    for name, version in results.versions.items():
        yield f"| {name} | {version} | {notes.get(name, '')} |"
    yield ""


def _run(run: Run) -> str:
    told = f"{run.date}, commit {run.commit}, rounds: {run.rounds}, in {run.seconds / 60:.0f} min; {run.machine}."
    absent = "; ".join(f"{name} ({why})" for name, why in run.absent.items())
    return f"{told} Not measured: {absent}." if absent else told


def _rows(table: Table) -> Iterator[str]:
    yield "| | " + " | ".join(table.systems) + " |"
    yield "| --- |" + " ---: |" * len(table.systems)
    for case in table.cases:
        yield f"| {case} | " + " | ".join(_cell(table, case, system) for system in table.systems) + " |"


def _cell(table: Table, case: str, system: str) -> str:
    if (cell := table.cells.get((case, system))) is None:
        return ""
    median, low, high = (f"{value:.{table.kind.digits}f}" for value in cell.rounds)
    spread = f" ({low}–{high})" if low != high else ""
    share = "" if cell.ratio is None else f", **{cell.ratio:.2f}**"
    return f"{median}{spread}{share}"


def _slug(metric: str) -> str:
    return "-".join("".join(one if one.isalnum() else " " for one in metric.lower()).split())


def summary_lines(results: Results, names: Sequence[str]) -> Iterator[str]:
    """What a terminal shows at the end: each ratio in a line."""
    for name in names:
        for table in tables(name, results.measurements):
            for (case, system), cell in table.cells.items():
                versus = "" if cell.ratio is None else f"  {OURS} ÷ this: {cell.ratio:.2f}"
                yield f"{name}: {case}: {table.metric}: {system}: {cell.rounds.median:.{table.kind.digits}f}{versus}"

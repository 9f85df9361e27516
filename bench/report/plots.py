"""Plots: a group of bars a case, a bar a system, whiskers from the lowest round to the highest."""

from __future__ import annotations

import textwrap
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.report.measurement import IN_PROCESS, OURS
from bench.report.peers import ALL
from bench.report.tables import Table

# Text stays text, and the same figures make the same file.
SETTINGS = {"svg.fonttype": "none", "svg.hashsalt": "mlxq", "font.family": "sans-serif"}
WIDTH = 0.8  # of a group, of which one is as far from the next
COLOURS = {OURS: "C0", IN_PROCESS: "0.7"}  # the others have the rest of matplotlib's, always the same


def draw(table: Table, path: Path) -> None:
    """Write a table as an SVG file."""
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(max(5.0, 1.3 * len(table.cases) + 2), 3.6), layout="constrained")
        axes = figure.subplots()
        bar = WIDTH / len(table.systems)
        others = [peer.name for peer in ALL]
        for number, system in enumerate(table.systems):
            known = [(at, table.cells[case, system].rounds) for at, case in enumerate(table.cases)
                     if (case, system) in table.cells]  # fmt: skip
            axes.bar(
                [at - WIDTH / 2 + (number + 0.5) * bar for at, _ in known],
                [rounds.median for _, rounds in known],
                bar,
                yerr=[[r.median - r.low for _, r in known], [r.high - r.median for _, r in known]],
                error_kw={"linewidth": 0.8},
                label=system,
                color=COLOURS.get(system) or f"C{1 + others.index(system)}",
            )
        axes.set_xticks(range(len(table.cases)), [textwrap.fill(case, 16) for case in table.cases], fontsize=8)
        axes.set_ylabel(table.metric)
        axes.spines[["top", "right"]].set_visible(False)
        figure.legend(loc="outside upper left", ncols=3, fontsize=8, frameon=False)
        figure.savefig(path, metadata={"Date": None})

"""`mlxq top`: what `mlxq ps` shows, live."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import count as counted

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from mlxq.cli.client import PATIENT, Client, Json, talks
from mlxq.cli.terminal import queues

_STYLES = {"ready": "green", "starting": "yellow", "loading": "yellow", "restarting": "yellow", "broken": "red"}


@click.command()
@click.option("--interval", type=click.FloatRange(0.1), default=1.0, help="Seconds between looks; 1 when left out.")
@click.option("--count", type=click.IntRange(1), help="How often to look; until interrupted when left out.")
@talks
def top(client: Client, interval: float, count: int | None) -> None:
    """Show the models, their queues and their speed, live.

    rows are the jobs that are computed together, of as many as there is room for; queued are calls that clients wait
    for; tokens, done and failed count since the model's worker started. Workers tell their numbers with their
    leases, every second or two.
    """
    client.patience = PATIENT
    with Live(console=Console(), auto_refresh=False) as live:
        for number in counted(1):
            live.update(_table(queues.models(client)), refresh=True)
            if number == count:
                return
            time.sleep(interval)


def _table(models: Sequence[Json]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in queues.COLUMNS:
        table.add_column(column, justify="left" if column in ("model", "type", "state") else "right")
    for model in models:
        cells = ["-" if cell is None else str(cell) for cell in queues.row(model)]
        cells[2] = f"[{_STYLES.get(model['state'], 'default')}]{cells[2]}"
        table.add_row(*cells)
    return table

"""`mlxq ps` and `mlxq top`: the models, their queues and what their workers do, once or live."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import count as counted

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from mlxq.cli.client import PATIENT, Client, Json, talks
from mlxq.cli.terminal import show

_COLUMNS = (
    "model",
    "type",
    "state",
    "rows",
    "queued",
    "jobs",
    "batch",
    "tokens/s",
    "tokens",
    "done",
    "failed",
    "memory",
)
_STYLES = {"ready": "green", "starting": "yellow", "loading": "yellow", "restarting": "yellow", "broken": "red"}


@click.command()
@show.as_json
@talks
def ps(client: Client, as_json: bool) -> None:
    """List the models, what waits for each, and what its workers do."""
    models = _models(client)
    if as_json:
        show.dump(models)
    else:
        show.table(_COLUMNS, map(_row, models))


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
            live.update(_table(_models(client)), refresh=True)
            if number == count:
                return
            time.sleep(interval)


def _models(client: Client) -> list[Json]:
    return list(client.get("/v1/queue/stats")["models"])


def _table(models: Sequence[Json]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column in ("model", "type", "state") else "right")
    for model in models:
        cells = ["-" if cell is None else str(cell) for cell in _row(model)]
        cells[2] = f"[{_STYLES.get(model['state'], 'default')}]{cells[2]}"
        table.add_row(*cells)
    return table


def _row(model: Json) -> Sequence[object]:
    queued = model["queued"]
    return (
        model["id"],
        model["type"],
        model["state"],
        f"{model['running']}/{model['slots']}",
        queued["interactive"],
        queued["jobs"],
        queued["batch"],
        model["tokens_per_second"],
        model["generated_tokens"],
        model["completed"],
        model["failed"],
        _size(model["memory"]),
    )


def _size(amount: int) -> str | None:
    """Bytes as people write them; None for none."""
    return f"{amount / 1e9:.1f} GB" if amount else None

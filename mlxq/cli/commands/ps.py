"""`mlxq ps`: the models, their queues and what their workers do."""

from __future__ import annotations

import click

from mlxq.cli.client import Client, talks
from mlxq.cli.terminal import queues, show


@click.command()
@show.as_json
@talks
def ps(client: Client, as_json: bool) -> None:
    """List the models, what waits for each, and what its workers do."""
    models = queues.models(client)
    if as_json:
        show.dump(models)
    else:
        show.table(queues.COLUMNS, map(queues.row, models))

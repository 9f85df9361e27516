"""`python -m workers.starter`: make the starter models that are not there yet."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from mlxq.settings import Settings, SettingsError
from workers.starter.build import StarterError, ensure
from workers.starter.fetch import console
from workers.starter.folders import complete
from workers.starter.models import STARTER_MODELS


@click.command()
@click.option("--only", multiple=True, metavar="NAME", type=click.Choice(list(STARTER_MODELS)), help="Only this model.")
@click.option("--list", "listing", is_flag=True, help="Show the models and their licences, make none.")
def main(only: tuple[str, ...], listing: bool) -> None:
    """Fetch and convert the starter models into MLXQ_CACHE (~/.cache/mlxq)."""
    try:
        cache = Settings.from_env(os.environ).cache
        if listing:
            Console().print(_table(cache))
            return
        for name, model in STARTER_MODELS.items():
            if name in only or not (only or model.optional):
                started = time.monotonic()
                there = complete(model, cache)
                folder = ensure(model, cache)
                took = "already there" if there else f"made in {time.monotonic() - started:.0f} s"
                console.print(f"{name}: {took}, {folder}", highlight=False, soft_wrap=True)
    except (SettingsError, StarterError) as error:
        console.print(str(error), style="red", highlight=False, soft_wrap=True, markup=False)
        sys.exit(1)


def _table(cache: Path) -> Table:
    table = Table("model", "kind", "licence", "package", "state", box=None)
    for name, model in STARTER_MODELS.items():
        state = "there" if complete(model, cache) else "optional" if model.optional else "not made"
        packages = ", ".join(f"{file.project} {file.version}" for file in model.files)
        table.add_row(name, model.kind, model.licence, packages, state)
    return table


if __name__ == "__main__":
    main()

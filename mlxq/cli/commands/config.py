"""`mlxq config`: the models' file, without starting anything."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from mlxq import configuration
from mlxq.catalogue import schema as schema_of_models


@click.group()
def config() -> None:
    """Look at the configuration."""


@config.command()
@click.option("--config", "path", type=click.Path(path_type=Path), help="The models' file; models.yaml when left out.")
def check(path: Path | None) -> None:
    """Check the environment and the models' file; the exit code is 1 when something is wrong."""
    environ = dict(os.environ) | ({"MLXQ_CONFIG": str(path)} if path else {})
    try:
        settings, catalogue = configuration.checked(environ)
        settings.check_exposure()
    except configuration.ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{settings.config}: {len(catalogue.models)} models, nothing is wrong")


@config.command()
def schema() -> None:
    """Print the JSON schema of a models' file, for editors."""
    click.echo(json.dumps(schema_of_models(), indent=2, ensure_ascii=False))

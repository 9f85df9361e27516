"""The `mlxq` command; it starts and calls processes of ours and imports none of their code."""

from __future__ import annotations

from importlib.metadata import version

import click

from mlxq.cli.launch import launch
from mlxq.cli.models import models


@click.group()
@click.version_option(version("mlxq"), prog_name="mlxq")
def main() -> None:
    """A durable job queue in front of MLX models."""


main.add_command(launch)
main.add_command(models)

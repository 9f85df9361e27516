"""`mlxq models`: what can be served here."""

from __future__ import annotations

import subprocess
import sys

import click


@click.group()
def models() -> None:
    """Look at what models can be served here."""


@models.command()
def check() -> None:
    """Check that every kind of image model fits the mflux that is installed; the exit code is 1 when one does not."""
    sys.exit(subprocess.run([sys.executable, "-m", "workers.inspect"], check=False).returncode)

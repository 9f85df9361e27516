"""`mlxq models`: what is known of models."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click


@click.group()
def models() -> None:
    """Look at models."""


@models.command()
@click.argument("model")
@click.option("--config", type=click.Path(path_type=Path), help="The models' file; models.yaml when left out.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def inspect(model: str, config: Path | None, as_json: bool) -> None:
    """Say what MODEL is and which tool calls and which thinking it writes, without loading it.

    MODEL is a served name, a folder, starter:NAME or a Hugging Face repo id.
    """
    words = [*(["--config", str(config)] if config else []), *(["--json"] if as_json else []), "--", model]
    done = subprocess.run([sys.executable, "-m", "workers.inspect", *words], check=False)
    sys.exit(done.returncode)


@models.command()
def check() -> None:
    """Check that every kind of image model fits the mflux that is installed; the exit code is 1 when one does not."""
    sys.exit(subprocess.run([sys.executable, "-m", "workers.check"], check=False).returncode)

"""`mlxq models`: the models of this machine, and what is known of models."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import click


@click.group()
def models() -> None:
    """Look at models, fetch and delete them.

    MODEL is a folder, starter:NAME or a Hugging Face repo id.
    """


@models.command()
@click.argument("model")
@click.option("--config", type=click.Path(path_type=Path), help="The models' file; models.yaml when left out.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def inspect(model: str, config: Path | None, as_json: bool) -> None:
    """Say what MODEL is, without loading it.

    That is the model_type that fits, whether it is supported and its files whole, the memory that it takes, and which
    tool calls and which thinking it writes. MODEL may also be a served name.
    """
    words = [*(["--config", str(config)] if config else []), *(["--json"] if as_json else []), "--", model]
    _run("workers.model_files.inspect", *words)


@models.command()
@click.argument("model", required=False)
def check(model: str | None) -> None:
    """Check that MODEL's files are whole and that it can be served; the exit code is 1 when not.

    Without MODEL it checks that every kind of image model fits the mflux that is installed.
    """
    if model is None:
        _run("workers.model_files.mflux_check")
    _run("workers.model_files.hub", "check", "--", model)


@models.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def show(as_json: bool) -> None:
    """List the models of this machine: starter models, and what the Hugging Face hub's cache holds."""
    _run("workers.model_files.hub", "list", *(["--json"] if as_json else []))


@models.command()
@click.argument("repo")
@click.option("--trust-remote-code", "code", is_flag=True, help="Fetch the Python code that comes with it as well.")
def pull(repo: str, code: bool) -> None:
    """Fetch a model from the Hugging Face hub; a fetch that was broken off goes on where it stopped.

    HF_TOKEN, or `hf auth login`, is for models that are private or whose terms have to be accepted first.
    """
    _run("workers.model_files.hub", "pull", *(["--code"] if code else []), "--", repo)


@models.command()
@click.argument("model")
@click.option("--yes", is_flag=True, help="Do not ask.")
def rm(model: str, yes: bool) -> None:
    """Delete a model that was fetched, or a starter model."""
    _run("workers.model_files.hub", "rm", *(["--yes"] if yes else []), "--", model)


def _run(module: str, *words: str) -> NoReturn:
    """Let a process of the workers' side do it, which knows the models' files."""
    sys.exit(subprocess.run([sys.executable, "-m", module, *words], check=False).returncode)

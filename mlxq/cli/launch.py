"""`mlxq launch`: Redis, the web, the workers and the batches' runner, started and ended together."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import yaml

from mlxq import configuration, home
from mlxq.catalogue import Catalogue
from mlxq.cli.flags import entry_of, of_a_model
from mlxq.parent import STARTED_BY_MANAGER
from mlxq.ranges import LEVELS
from mlxq.settings import Settings, SettingsError

PROCESSES = {
    "web": ["gunicorn", "--config", "python:web.gunicorn", "web.wsgi:app"],
    "redis": ["workers.redis_server"],
    "workers": ["workers"],
    "batches": ["web.batches"],
}
_STARTER = "starter:"


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="The models' file; models.yaml when left out.")
@of_a_model
@click.option("--host", help="Where to listen; 127.0.0.1 when left out.")
@click.option("--port", help="Where to listen; 8000 when left out.")
@click.option("--log-level", type=click.Choice(LEVELS, case_sensitive=False))
@click.option("--allow-unauthenticated", is_flag=True, help="Listen beyond this machine without API keys.")
def launch(
    config: Path | None,
    host: str | None,
    port: str | None,
    log_level: str | None,
    allow_unauthenticated: bool,
    **model: Any,
) -> None:
    """Serve the models of a file, or one model, until interrupted."""
    environ = dict(os.environ)
    _check_home(environ)
    chosen = {name: value for name, value in model.items() if value is not None}
    if chosen:
        if config is not None or "model_path" not in chosen:
            raise click.UsageError("give --config, or --model-path with what belongs to it")
        config = _one_model(chosen, environ)
    variables = {
        "MLXQ_CONFIG": str(config) if config else None,
        "MLXQ_HOST": host,
        "MLXQ_PORT": port or environ.get("MLXQ_PORT") or environ.get("PORT"),
        "MLXQ_LOG_LEVEL": log_level,
        "MLXQ_ALLOW_UNAUTHENTICATED": "1" if allow_unauthenticated else None,
    }
    environ.update({name: value for name, value in variables.items() if value is not None})
    try:
        settings, catalogue = configuration.load(environ)
        settings.check_exposure()
    except configuration.ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    _fetch_starters(catalogue, environ)
    sys.exit(_run(environ))


def _check_home(environ: Mapping[str, str]) -> None:
    try:
        settings = Settings.from_env(environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    if not settings.redis_external and home.holder(settings.home, home.REDIS) is not None:
        raise click.ClickException(home.taken(settings.home))


def _one_model(model: Mapping[str, Any], environ: Mapping[str, str]) -> Path:
    """The models' file of what the flags say, written into the home."""
    entry = entry_of(model)
    path = Settings.from_env(environ).home / "launch.yaml"
    home.enter(path.parent)
    path.write_text(yaml.safe_dump({"models": [entry]}))
    return path


def _fetch_starters(catalogue: Catalogue, environ: Mapping[str, str]) -> None:
    paths = (entry.model_path for entry in catalogue)
    names = [path.removeprefix(_STARTER) for path in paths if path.startswith(_STARTER)]
    if names:
        only = [word for name in names for word in ("--only", name)]
        done = subprocess.run([sys.executable, "-m", "workers.starter", *only], env=environ, check=False)
        if done.returncode:
            sys.exit(done.returncode)


class _Unbuffered:
    """Standard output as honcho prints to it. Its signal handler prints too, and a buffer cannot be entered twice."""

    def write(self, text: str) -> int:
        data = text.encode()
        while data:
            data = data[os.write(1, data) :]
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        return os.isatty(1)


def _run(environ: Mapping[str, str]) -> int:
    try:
        from honcho.manager import Manager
        from honcho.printer import Printer
    except ImportError:
        raise click.ClickException("`mlxq launch` needs honcho: install the 'stack' extra") from None
    manager = Manager(Printer(_Unbuffered()))
    for name, words in PROCESSES.items():
        env = {**environ, STARTED_BY_MANAGER: name}
        manager.add_process(name, "exec " + shlex.join([sys.executable, "-m", *words]), env=env)
    manager.loop()
    return int(manager.returncode or 0)

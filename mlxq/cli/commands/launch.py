"""`mlxq launch`: Redis, the web, the workers and the batches' runner, started and ended together."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import yaml

from mlxq import configuration, home, port
from mlxq.catalogue import Catalogue
from mlxq.cli.flags import SERVER, entry_of, of_a_model, of_the_server, variables_of
from mlxq.entries.model_entry import ModelEntry
from mlxq.exit_with_parent import STARTED_BY_MANAGER
from mlxq.model_path import STARTER, ModelPathError, folder
from mlxq.settings import Settings, SettingsError

PROCESSES = {
    "web": ["gunicorn", "--config", "python:web.gunicorn", "web.wsgi:app"],
    "redis": ["workers.redis_server"],
    "workers": ["workers"],
    "batches": ["web.batches"],
}

_LOOK = 1.0  # seconds


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="The models' file; models.yaml when left out.")
@of_a_model
@of_the_server
@click.option("--allow-unauthenticated", is_flag=True, help="Listen beyond this machine without API keys.")
def launch(config: Path | None, allow_unauthenticated: bool, **flags: Any) -> None:
    """Serve the models of a file, or one model, until interrupted."""
    server = {key: flags.pop(key) for key in SERVER}
    environ = {**os.environ, **variables_of(server)}
    if chosen_port := environ.get("MLXQ_PORT") or environ.get(
        "PORT"
    ):  # under a manager's name PORT alone may be its default
        environ["MLXQ_PORT"] = chosen_port
    chosen = {name: value for name, value in flags.items() if value is not None}
    try:
        _check_home(environ)
        if chosen:
            if config is not None or "model_path" not in chosen:
                raise click.UsageError("give --config, or --model-path with what belongs to it")
            config = _one_model(chosen, environ)
        elif server["model_dir"] is not None and config is None:
            config = _models_file([], environ)
        if config is not None:
            environ["MLXQ_CONFIG"] = str(config)
        if allow_unauthenticated:
            environ["MLXQ_ALLOW_UNAUTHENTICATED"] = "1"
        settings, catalogue = configuration.load(environ)
        settings.check_exposure()
        _check(settings, catalogue)
    except (*configuration.ConfigurationError, OSError) as error:
        raise click.ClickException(str(error)) from None
    _fetch_starters(catalogue, environ)
    sys.exit(_run(_read_by_a_person(environ)))


def _check_home(environ: Mapping[str, str]) -> None:
    settings = Settings.from_env(environ)
    if not settings.redis_external and home.holder(settings.home, home.REDIS) is not None:
        raise click.ClickException(home.taken(settings.home))


def _one_model(model: Mapping[str, Any], environ: Mapping[str, str]) -> Path:
    """The models' file of one model, as the flags say."""
    return _models_file([entry_of(model)], environ)


def _models_file(models: list[Mapping[str, Any]], environ: Mapping[str, str]) -> Path:
    """A models' file of these entries, written into the home."""
    path = Settings.from_env(environ).home / "launch.yaml"
    home.enter(path.parent)
    path.write_text(yaml.safe_dump({"models": models}))
    return path


def _check(settings: Settings, catalogue: Catalogue) -> None:
    """Raises SettingsError where the port is taken, or where files that the settings or the models name are not there.

    What is wrong is told a line each.
    """
    faults = [*_port(settings), *_log_file(settings)]
    faults += (f"'{entry.name}': {fault}" for entry in catalogue for fault in _absent(entry))
    if faults:
        raise SettingsError("\n".join(faults))


def _port(settings: Settings) -> Iterator[str]:
    if (reason := port.busy(settings)) is not None:
        yield f"cannot listen on {settings.address}: {reason}; --port (PORT) takes another port"


def _log_file(settings: Settings) -> Iterator[str]:
    if settings.log_to is None:
        return
    try:
        settings.log_to.parent.mkdir(parents=True, exist_ok=True)
        settings.log_to.open("a").close()
    except OSError as error:
        yield f"cannot write the log file {settings.log_to}: {error.strerror}; --no-log-file goes without one"


def _absent(entry: ModelEntry) -> Iterator[str]:
    """The files that an entry names and that are not there, a sentence each."""
    for key in ("model_path", "draft_model_path"):
        if path := getattr(entry, key, None):
            try:
                folder(path)
            except ModelPathError as error:
                yield f"{key}: {error}"
    named = {key: getattr(entry, key, None) for key in ("adapter_path", "chat_template_file")}
    named |= {f"adapters.{name}": path for name, path in getattr(entry, "adapters", {}).items()}
    for key, path in named.items():
        if path is not None and not Path(path).expanduser().exists():
            yield f"{key}: {path}: no such file or folder"


def _fetch_starters(catalogue: Catalogue, environ: Mapping[str, str]) -> None:
    paths = (entry.model_path for entry in catalogue)
    names = [path.removeprefix(STARTER) for path in paths if path.startswith(STARTER)]
    if names:
        only = [word for name in names for word in ("--only", name)]
        done = subprocess.run([sys.executable, "-m", "workers.starter", *only], env=environ, check=False)
        if done.returncode:
            sys.exit(done.returncode)


def _read_by_a_person(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment of processes that write to us what we show: at a terminal, as people read it."""
    if not os.isatty(1):
        return environ
    return {"MLXQ_LOG_FORMAT": "console", "FORCE_COLOR": "1", **environ}


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


def _wait_longer(manager: Any) -> None:
    """Have honcho look around once a second, not ten times, while all processes run: what they write wakes it."""
    get = manager.events.get
    manager.events.get = lambda timeout: get(timeout=timeout if manager._any_stopped() else max(timeout, _LOOK))


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
    _wait_longer(manager)
    manager.loop()
    return int(manager.returncode or 0)

"""`mlxq reload`: the models' file is read anew, and what is the same in it goes on."""

from __future__ import annotations

import os
import signal
import time

import click

from mlxq import home
from mlxq.settings import Settings, SettingsError

_PATIENCE = 30.0  # seconds
_LOOK = 0.05
_SEEN = 1.1  # seconds until every web process has looked whether the file was read anew


@click.command()
def reload() -> None:
    """Add, change and remove models as the models' file of the running server has them now.

    Models that are the same in it go on undisturbed, the others end what they run first. Run it where the server runs,
    with its MLXQ_HOME.
    """
    try:
        folder = Settings.from_env(os.environ).home
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    identity = (home.holder(folder, home.SUPERVISOR) or "").split()
    if len(identity) < 2:
        raise click.ClickException(f"no server runs with the folder {folder} (MLXQ_HOME)")
    before, _ = home.reloaded(folder)
    os.kill(int(identity[1]), signal.SIGHUP)
    until = time.monotonic() + _PATIENCE
    while (reloaded := home.reloaded(folder))[0] == before:
        if time.monotonic() > until:
            raise click.ClickException("the server has not read its file yet; its log says why")
        time.sleep(_LOOK)
    _, changes = reloaded
    if "error" in changes:
        raise click.ClickException(f"nothing was changed:\n{changes['error']}")
    time.sleep(_SEEN)
    for what in ("added", "changed", "removed"):
        if changes[what]:
            click.echo(f"{what}: {', '.join(changes[what])}")
    if not any(changes.values()):
        click.echo("nothing has changed")

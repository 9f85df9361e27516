"""The `mlxq` command; it starts and calls processes of ours and imports none of their code."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from importlib.metadata import version

import click

from mlxq.cli import commands
from mlxq.cli.client import INTERRUPTED


class Commands(click.Group):
    """The commands, a file each, of which only the chosen one is imported; it ends as the shell expects of it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, which are those of their files."""
        return sorted(module.name for module in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; None when there is none."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = getattr(import_module(f"{commands.__name__}.{cmd_name}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)


@click.group(
    cls=Commands,
    epilog="All but launch, reload, config, doctor and models talk to the server at MLXQ_URL (http://127.0.0.1:8000), "
    "with MLXQ_API_KEY, and keys with MLXQ_ADMIN_KEY. "
    "Exit codes: 0 done, 1 requests have failed, 2 wrong usage, 3 the server is unreachable or refuses, "
    "130 interrupted.",
)
@click.version_option(version("mlxq"), prog_name="mlxq")
def main() -> None:
    """A durable job queue in front of MLX models."""

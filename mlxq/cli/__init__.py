"""The `mlxq` command; it starts and calls processes of ours and imports none of their code."""

from __future__ import annotations

from importlib.metadata import version

import click

from mlxq.cli.client import INTERRUPTED
from mlxq.cli.commands.batch import batch
from mlxq.cli.commands.chat import chat
from mlxq.cli.commands.config import config
from mlxq.cli.commands.doctor import doctor
from mlxq.cli.commands.embed import embed
from mlxq.cli.commands.image import image
from mlxq.cli.commands.jobs import jobs
from mlxq.cli.commands.keys import keys
from mlxq.cli.commands.launch import launch
from mlxq.cli.commands.listen import listen
from mlxq.cli.commands.models import models
from mlxq.cli.commands.reload import reload
from mlxq.cli.commands.speak import speak
from mlxq.cli.commands.top import ps, top
from mlxq.cli.commands.transcribe import transcribe


class Commands(click.Group):
    """A group that ends as the shell expects of an interrupted command."""

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


for command in (
    launch,
    reload,
    config,
    doctor,
    models,
    chat,
    embed,
    transcribe,
    listen,
    speak,
    image,
    batch,
    jobs,
    ps,
    top,
    keys,
):
    main.add_command(command)

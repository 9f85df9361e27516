"""A command of `mlxq` is a file of its name, and costs no other one's start."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from mlxq.cli import commands, main
from tests.support.servers import ROOT

COMMANDS = [path.stem for path in sorted((ROOT / "mlxq/cli/commands").glob("*.py")) if path.stem != "__init__"]


def test_every_file_is_a_command() -> None:
    context = click.Context(main)
    assert main.list_commands(context) == COMMANDS
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None and command.name == name and command.help


def test_the_help_lists_every_command() -> None:
    shown = CliRunner().invoke(main, ["--help"]).output
    assert [name for name in COMMANDS if f"\n  {name} " not in shown] == []


@pytest.mark.parametrize("name", ["nothing", "__init__", "..client", ""])
def test_what_is_no_command_is_wrong_usage(name: str) -> None:
    done = CliRunner().invoke(main, [name])
    assert done.exit_code == 2 and "No such command" in done.output


def test_a_command_imports_no_other() -> None:
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from mlxq.cli import main\n"
        "assert CliRunner().invoke(main, ['ps', '--help']).exit_code == 0\n"
        f"print([name for name in sys.modules if name.startswith('{commands.__name__}.')], 'redis' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == f"['{commands.__name__}.ps'] False"

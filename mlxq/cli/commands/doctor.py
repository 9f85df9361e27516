"""`mlxq doctor`: looks at this machine and says what is to be done."""

from __future__ import annotations

import os
import sys

import click
import msgspec

from mlxq.cli.terminal import show
from mlxq.doctor.advice import Finding, findings
from mlxq.doctor.facts import Facts
from mlxq.doctor.gather import gather

_COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}


@click.command()
@show.as_json
def doctor(as_json: bool) -> None:
    """Look at this machine and the settings, and say what to do; the exit code is 1 when mlxq cannot serve here.

    It looks at Python, the compiler, MLX and its speed, Metal and memory, the models' file, Redis, disks, the port,
    open files and keys, and changes nothing.
    """
    facts = gather(os.environ)
    results = list(findings(facts))
    if as_json:
        show.dump(report(facts, results))
    else:
        for line in lines(results):
            click.echo(line)
    sys.exit(any(finding.state == "error" for finding in results))


def report(facts: Facts, results: list[Finding]) -> dict[str, object]:
    """What a program reads."""
    good = not any(finding.state == "error" for finding in results)
    return {"ok": good, "findings": msgspec.to_builtins(results), "facts": msgspec.to_builtins(facts)}


def lines(results: list[Finding]) -> list[str]:
    """What a person reads: a line a finding, and one for what to do."""
    shown = []
    for finding in results:
        shown.append(
            f"{click.style(f'{finding.state:<8}', fg=_COLOURS[finding.state])} {finding.about:<9} {finding.says}"
        )
        if finding.advice:
            shown.append(f"{'':<18} → {finding.advice}")
    return shown

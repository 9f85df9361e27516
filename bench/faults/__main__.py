"""`python -m bench.faults`: every fault in the middle of the same load, and what became of all of it.

A cell is a stack with 16 streams, 40 polled jobs, a batch of 1,000 lines and a recording of two minutes under way, in
which processes are killed (SIGKILL) or stand still (SIGSTOP) for 8 or 30 s, Redis is away for 2, 6 or 20 s, or memory
or disk are full for a minute. Exits with 1 unless every cell is right.
"""

from __future__ import annotations

import signal
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatch

import click
from rich.console import Console
from rich.table import Table

from bench.faults.cell import Row, play
from bench.faults.stage import Size
from bench.faults.trouble import BY_NAME, CROWD, MINUTE, Trouble, Unavailable

QUICK = Size(streams=8, jobs=10, lines=150, recording=0)
MANY = Size(streams=400, jobs=0, lines=0, recording=0, step_ms=1000)
COLUMNS = ("cell", "lost", "twice", "hung", "wrong reasons", "broken off", "wrong text", "died", "right again after")

try:
    import resource
except ImportError:  # no such limits here
    pass
else:
    _soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _soft != resource.RLIM_INFINITY and _soft < 2048:  # a stream is an open file
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (2048 if _hard == resource.RLIM_INFINITY else min(2048, _hard), _hard)
        )


def cells(name: str, row: Row) -> Sequence[str]:
    """A row as it is printed."""
    return (name, *map(str, row[:7]), "never" if row.again is None else f"{row.again:.1f} s")


def printed(rows: Mapping[str, Row]) -> Table:
    """All rows for a terminal."""
    table = Table(*(COLUMNS[:1]))
    for column in COLUMNS[1:]:
        table.add_column(column, justify="right")
    for name, row in rows.items():
        table.add_row(*cells(name, row), style=None if row.right else "red")
    return table


def markdown(rows: Mapping[str, Row]) -> str:
    """All rows for a document."""
    lines = [COLUMNS, ("---", *("---:" for _ in COLUMNS[1:]))]
    lines += [cells(f"`{name}`", row) for name, row in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def heard(name: str, row: Row) -> str:
    """A line on what was told to whom, other than that all is well."""
    told = ", ".join(f"{count} × {who}: {how}" for (who, how), count in sorted(row.told.items()))
    return f"{name}: {'right' if row.right else 'WRONG'}; told {told or 'nothing else'}"


def chosen(patterns: Sequence[str]) -> Sequence[Trouble]:
    """The troubles whose names fit one of the patterns, all of them when there are none."""
    found = [one for one in BY_NAME.values() if not patterns or any(fnmatch(one.name, each) for each in patterns)]
    if not found:
        raise click.BadParameter(f"no cell is called so; there are {', '.join(BY_NAME)}", param_hint="--only")
    return found


@click.command(help=__doc__)
@click.option("--only", multiple=True, metavar="CELL", help="such as redis:away6 or 'web:*'; may be said several times")
@click.option("--rounds", default=1, show_default=True, help="how often each cell is played; its row is the sum")
@click.option("--quick", is_flag=True, help="less of everything, no recording, a quarter of a minute instead of one")
@click.option("--markdown", "document", is_flag=True, help="print the table as a document has it")
def main(only: tuple[str, ...], rounds: int, quick: bool, document: bool) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything that was started is ended
    rows: dict[str, Row] = {}
    broken = False
    for trouble in chosen(only):
        for _ in range(rounds):
            began = time.monotonic()
            try:
                row = played(trouble, quick)
            except Unavailable as error:
                print(f"{trouble.name}: left out, {error}", file=sys.stderr)
                break
            except AssertionError:
                print(f"{trouble.name}: could not be played to its end", file=sys.stderr)
                traceback.print_exc()
                broken = True
                break
            rows[trouble.name] = rows[trouble.name] + row if trouble.name in rows else row
            print(f"{heard(trouble.name, row)} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    if document:
        print(markdown(rows))
    else:
        Console(width=140).print(printed(rows))
    sys.exit(1 if broken or not all(row.right for row in rows.values()) else 0)


def played(trouble: Trouble, quick: bool) -> Row:
    """One round of a cell."""
    if trouble is CROWD:
        return play(trouble, MANY, MLXQ_WEB_THREADS="512")
    if not quick:
        return play(trouble, Size())
    return play(replace(trouble, seconds=MINUTE / 4) if trouble.seconds == MINUTE else trouble, QUICK)


if __name__ == "__main__":
    main()

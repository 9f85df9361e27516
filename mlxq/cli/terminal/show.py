"""What commands print on standard output: JSON, or columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else on standard output.")


def dump(value: object) -> None:
    """Print JSON, indented."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print columns as wide as what is in them, nothing cut off."""
    lines = [head, *([("-" if cell is None else str(cell)) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def when(seconds: int | None) -> str | None:
    """A time since the epoch in the local zone."""
    return None if seconds is None else datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def problem(error: dict[str, Any] | None) -> str | None:
    """An error object in one line."""
    return None if not error else f"{error.get('message')} ({error.get('code') or error.get('type')})"

"""How far a piece of work is: a bar on a terminal, a line now and then elsewhere, always on standard error."""

from __future__ import annotations

import time
from datetime import timedelta
from types import TracebackType

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

EVERY, LEAST = 10.0, 1.0  # seconds between two lines, and when something else goes on
_PERIOD = 120.0  # seconds over which the rate is taken


class _Pace(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(pace(task), no_wrap=True)


class Meter:
    """Counts units of work ("texts") up to a total; what was done before counts, but not towards the rate."""

    def __init__(self, unit: str, total: int, done: int = 0) -> None:
        self._unit = unit
        console = Console(stderr=True)
        self._plain = not console.is_terminal
        self._told = 0.0
        self._said = ""
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None, table_column=Column(ratio=1)),
            TextColumn(f"{{task.completed:,.0f}} of {{task.total:,.0f}} {unit}", table_column=Column(no_wrap=True)),
            _Pace(Column(no_wrap=True)),
            console=console,
            disable=self._plain,
            expand=True,
            speed_estimate_period=_PERIOD,
            refresh_per_second=4,
        )
        self._task = self._progress.add_task("", total=total, completed=done)

    def __enter__(self) -> Meter:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._plain and self._line() != self._said:
            self._say()
        self._progress.stop()

    def show(self, done: int, what: str = "") -> None:
        """Say how much is done, and what is going on."""
        pause = EVERY if what == self._progress.tasks[0].description else LEAST
        self._progress.update(self._task, completed=done, description=what)
        if self._plain and time.monotonic() - self._told >= pause:
            self._say()

    def above(self, text: str) -> None:
        """Write something for the terminal, an image perhaps, above the bar."""
        if text and not self._plain:
            self._progress.console.print(Text(text), soft_wrap=True)

    def total(self, total: int) -> None:
        """Say how much there is, once that is known."""
        self._progress.update(self._task, total=total)

    def _say(self) -> None:
        self._told, self._said = time.monotonic(), self._line()
        click.echo(self._said, err=True)

    def _line(self) -> str:
        task = self._progress.tasks[0]
        head = f"{task.description}: " if task.description else ""
        if not task.total:  # it is not known yet
            return task.description
        line = f"{head}{task.completed:,.0f} of {task.total:,.0f} {self._unit}"
        return ", ".join(part for part in (line, pace(task)) if part)


def pace(task: Task) -> str:
    """The rate, and how long the rest takes at it; nothing while neither is known."""
    if not task.speed or task.finished:
        return ""
    left = "" if task.time_remaining is None else f", {timedelta(seconds=int(task.time_remaining))} left"
    return f"{task.speed:,.{0 if task.speed >= 10 else 2}f}/s{left}"

"""What the processes of a stack say of themselves: tracebacks in their logs, and which of them have gone."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import psutil

from tests.support.servers import Process, Stack

_FRAME = re.compile(r'File "[^"]*?([^/"]+/[^/"]+)", line (\d+), in (\S+)')
_BEGINS = ("Traceback (most recent call last)", "Exception in thread", "Exception ignored in", "Fatal Python error")
END = "{}"
_CRASHED = re.compile(r"panicked at|core dumped|Segmentation fault")
EVERY = 0.5  # seconds between looks at the processes
_OURS = ("/web/", "/workers/", "/tasks/", "/schemas/", "/mlxq/")


class Trouble(NamedTuple):
    """A traceback: where it was seen, what it comes down to, and the request that it is about, if it says so."""

    process: str
    said: str
    number: str
    text: str


def signature(traceback: str) -> str:
    """A traceback's error with the last place in it that is ours: the same for the same defect."""
    lines = [line for line in traceback.strip().splitlines() if line.strip()]
    error = next((line for line in reversed(lines) if not line.startswith(" ")), "") if lines else ""
    kind = re.sub(r"0x[0-9a-f]+|\d+|'[^']*'|\"[^\"]*\"", "…", error)[:120]
    ours = [found for found in _FRAME.finditer(traceback) if any(one in found[0] for one in _OURS)]
    frame = (ours or list(_FRAME.finditer(traceback)) or [None])[-1]
    return f"{kind} at {frame[1]}:{frame[2]} ({frame[3]})" if frame else kind


def troubles(name: str, lines: list[str]) -> Iterator[Trouble]:
    """The tracebacks in a process' log: a field of a JSON line, or as Python writes them."""
    plain: list[str] = []
    for line in [*lines, END]:
        if plain and (line.startswith(("{", "[")) or line == END):
            yield Trouble(name, signature("\n".join(plain)), "", "\n".join(plain))
            plain = []
        if plain:
            plain.append(line)
        elif line.startswith(_BEGINS):
            plain = [line]
        elif line.startswith("{"):
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if text := record.get("exception"):
                yield Trouble(
                    name, f"{record.get('event')}: {signature(text)}", str(record.get("request_id", "")), text
                )
        elif _CRASHED.search(line):
            yield Trouble(name, line[:200], "", line)


class Watch:
    """Looks at a stack's processes in a thread of its own until it is stopped; `deaths` tells which went, and when."""

    def __init__(self, stack: Stack) -> None:
        self._processes: Mapping[str, Process] = {
            "web": stack.web,
            "supervisor and workers": stack.supervisor,
            "runner": stack.runner,
        }
        self._known = self._alive()
        self._stop = threading.Event()
        self.deaths: list[str] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _alive(self) -> dict[int, str]:
        found = {}
        for name, process in self._processes.items():
            if process.ended():
                continue
            found[process.pid] = name
            for child in psutil.Process(process.pid).children(recursive=True):
                try:
                    found[child.pid] = f"{name}: {' '.join(child.cmdline()[1:4])}"
                except psutil.Error:
                    continue
        return found

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            alive = self._alive()
            self.deaths += [f"{name} (pid {pid})" for pid, name in self._known.items() if pid not in alive]
            self._known = alive

    def stop(self) -> None:
        """Look a last time, and no more."""
        self._stop.set()
        self._thread.join()
        alive = self._alive()
        self.deaths += [f"{name} (pid {pid})" for pid, name in self._known.items() if pid not in alive]

    def troubles(self) -> list[Trouble]:
        """Every traceback so far."""
        return [one for name, process in self._processes.items() for one in troubles(name, list(process.lines))]

"""Where a cell plays: a stack on a Redis of its own, whose processes can be killed and paused."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from bench.faults.clients import SPEECH
from tests.faults.bulk import family, kill
from tests.support import starter
from tests.support.servers import ROOT, Stack, Valkey, fake

STARTED = ("redis", "supervisor", "web", "runner")  # by a manager, in this order
ROWS = 16  # lines that run at once
LINES: Mapping[str, Any] = fake("lines", slots=ROWS, step_ms=100)


@dataclass(frozen=True)
class Size:
    """How much goes on: numbers of streams, polled jobs and lines, and seconds of a recording (none for 0).

    Streams, jobs and lines are as long as the trouble and `beyond` seconds more.
    """

    streams: int = 16
    jobs: int = 40
    lines: int = 1000
    recording: float = 120.0
    step_ms: float = 200.0  # for a word of every stream and job
    beyond: float = 8.0

    def models(self, journal: Path) -> list[dict[str, Any]]:
        """Entries of a models' file for all of it."""
        rows = (self.streams + self.jobs) * 8 // 7 + 8  # an eighth is kept for people
        models = [fake(slots=rows, step_ms=self.step_ms, queue_size=2 * rows), dict(LINES)]
        for model in models:
            model["options"] = {**model["options"], "journal": str(journal)}
        if not self.recording:
            return models
        starter.folder(SPEECH)
        known = yaml.safe_load((ROOT / "models.yaml").read_text())["models"]
        return [*models, next(model for model in known if model["served_model_name"] == SPEECH)]


class Stage:
    """A stack and its Redis, which keep their files below `place`; `journal` tells what the fake engines began."""

    def __init__(self, folder: Path, place: Path, size: Size, **env: str) -> None:
        self.journal, self.place = folder / "journal", place
        self.killed: set[int] = set()
        self._seen: dict[psutil.Process, str] = {}
        self.journal.touch()
        (place / "redis").mkdir()
        with ExitStack() as undo:
            self.valkey = Valkey(place / "redis")
            undo.callback(self.valkey.stop)
            self.stack = Stack(self.valkey, place / "stack", size.models(self.journal), **env)
            undo.callback(self._clear)
            undo.callback(self.stack.stop)
            undo.callback(self.processes)  # so that none is forgotten
            self.stack.ready(within=240)
            self.close = undo.pop_all().close

    def _clear(self) -> None:
        for process in self._seen:  # of whom some may have lost who would have ended them
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def processes(self) -> Mapping[psutil.Process, str]:
        """All that there are now, and what they are."""
        found: dict[psutil.Process, str] = {}
        for role in ("worker", *STARTED):
            for pid in self.pids(role):
                with suppress(psutil.NoSuchProcess):
                    found[psutil.Process(pid)] = role
        self._seen |= found
        return found

    def fallen(self, before: Mapping[psutil.Process, str]) -> Sequence[str]:
        """Those of before that have ended and were not killed."""
        return [role for process, role in before.items() if process.pid not in self.killed and not _lives(process)]

    def pids(self, role: str) -> list[int]:
        """The processes that a fault of this name is about."""
        stack = self.stack
        match role:
            case "everything":
                return [pid for one in ("worker", *STARTED) for pid in self.pids(one)]
            case "redis":
                return [self.valkey.pid]
            case "supervisor":
                return [stack.supervisor.pid]
            case "worker":
                return _family(stack.supervisor.pid)[1:]
            case "web":
                return _family(stack.web.pid)
            case "web-worker":
                return _family(stack.web.pid)[1:]
            case "runner":
                return _family(stack.runner.pid)
        raise ValueError(role)

    def kill(self, role: str) -> None:
        """Kill these processes and start them again as their manager would; workers are their supervisor's affair."""
        struck = self.pids(role)
        self.killed.update(struck, self.pids("worker") if role == "supervisor" else ())  # which end when it does
        kill(*struck)
        for one in STARTED if role == "everything" else (role,):
            self._start(one)

    def _start(self, role: str) -> None:
        if role == "redis":
            self.valkey.kill()  # returns when it is gone
            self.valkey.start()
        elif role in STARTED:
            process = getattr(self.stack, role)
            process.wait()
            process.stop()
            getattr(self.stack, f"start_{role}")()

    def pause(self, role: str, seconds: float) -> None:
        """Stop these processes for so long."""
        struck = self.pids(role)
        try:
            for pid in struck:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(seconds)
        finally:
            for pid in reversed(struck):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def away(self, seconds: float) -> None:
        """Kill Redis, and start it again so much later."""
        self.killed.add(self.valkey.pid)
        self.valkey.kill()
        time.sleep(seconds)
        self.valkey.start()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _family(pid: int) -> list[int]:
    try:
        return family(pid)
    except psutil.NoSuchProcess:  # ended by itself
        return []

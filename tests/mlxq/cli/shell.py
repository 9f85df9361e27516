"""`mlxq` as a process, as a shell starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

from tests.support.servers import PATIENCE, ROOT, Stack, eventually


def _environment(url: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "MLXQ_URL": url, "COLUMNS": "200"}


class Finished:
    """What a command left: its exit code and what it said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        """Standard output, which holds JSON and nothing else."""
        return json.loads(self.out)


class Started:
    """A command that runs."""

    def __init__(self, url: str, *words: str | Path, stdin: bytes = b"") -> None:
        command = [sys.executable, "-m", "mlxq.cli", *map(str, words)]
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - closed in `wait`
        with tempfile.TemporaryFile() as given:
            given.write(stdin)
            given.seek(0)
            self._process = subprocess.Popen(
                command, env=_environment(url), stdin=given, stdout=self._out, stderr=self._err
            )

    def says(self, text: str) -> Started:
        """Wait until it says this on standard error."""
        eventually(lambda: text in _content(self._err) or self._process.poll() is not None)
        assert text in _content(self._err), _content(self._err)
        return self

    def interrupt(self) -> Finished:
        """Press Ctrl-C."""
        self._process.send_signal(signal.SIGINT)
        return self.wait()

    def kill(self) -> None:
        """End it without a chance to say anything."""
        self._process.kill()
        self.wait()

    def wait(self) -> Finished:
        try:
            code = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        with self._out, self._err:
            return Finished(code, _content(self._out), _content(self._err))


def _content(file: IO[bytes]) -> str:
    return os.pread(file.fileno(), 2**24, 0).decode()


def mlxq(stack: Stack | str, *words: str | Path, stdin: bytes = b"") -> Finished:
    """Run a command to its end."""
    return Started(stack if isinstance(stack, str) else stack.url, *words, stdin=stdin).wait()


def noted(path: Path, **least: int) -> dict[str, Any]:
    """The notes of a piece of work, once a batch of it is submitted and its notes say at least so much."""

    def look() -> Any:
        if not path.exists():
            return None
        state = json.loads(path.read_bytes())
        ready = state["parts"] and all(part["batch"] for part in state["parts"])
        return state if ready and all(state["work"].get(name, 0) >= most for name, most in least.items()) else None

    return dict(eventually(look))

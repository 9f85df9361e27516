"""Stacks of our own for benchmarks: each with a Redis and a home of its own, gone when the block ends."""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import yaml

from tests.support.servers import Process, Stack, Valkey, eventually, free_port

READY = 240.0  # seconds a stack may take until it is ready


@contextmanager
def served(models: Sequence[dict[str, Any]], **env: str) -> Iterator[Stack]:
    """A stack with these models, ready, started process by process."""
    with tempfile.TemporaryDirectory() as folder:
        valkey = Valkey(Path(folder))
        try:
            stack = Stack(valkey, Path(folder) / "stack", list(models), **env)
            try:
                yield stack.ready(READY)
            finally:
                stack.stop()
        finally:
            valkey.stop()


class Launched(NamedTuple):
    """A stack as users start it: its address, and the process above all the others."""

    url: str
    pid: int


@contextmanager
def launched(models: Sequence[dict[str, Any]]) -> Iterator[Launched]:
    """`honcho start` with these models; yields at once."""
    with tempfile.TemporaryDirectory() as folder:
        config, port = Path(folder) / "models.yaml", free_port()
        config.write_text(yaml.safe_dump({"models": list(models)}))
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        env = {**os.environ, "PATH": path, "MLXQ_HOME": f"{folder}/var", "MLXQ_CONFIG": str(config), "PORT": str(port)}
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # users start what an installation or an earlier start compiled
        process = Process([sys.executable, "-m", "honcho", "start"], env)
        try:
            yield Launched(f"http://127.0.0.1:{port}", process.pid)
        finally:
            process.stop()


def answered(url: str, path: str, body: dict[str, Any], within: float = READY) -> None:
    """Ask again and again until the answer is a 200."""
    with httpx.Client(base_url=url, timeout=within) as http:

        def answers() -> bool:
            try:
                return http.post(path, json=body).status_code == 200
            except httpx.TransportError:
                return False

        eventually(answers, within, every=0.05)


def more_files(count: int = 8192) -> None:
    """Let this process, and those it starts, have so many files open, or as many as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))

"""What a supervisor and the processes of its models have in common: how one is begun, and what it is told."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

import msgspec

from mlxq.entries import AnyModelEntry
from mlxq.entries.model_entry import ModelEntry

LOAD_FAILED = 3  # exit code of a process whose model could not be loaded; the model's state says why
LOAD, UNLOAD = b"load", b"unload"  # what a worker is told after its Start
GRACE = 2.0  # seconds beyond the drain until a worker that was told to end is killed


class Start(msgspec.Struct, frozen=True):
    """What a worker is told first: the model that it serves, and what the models' file says of the server."""

    entry: AnyModelEntry
    server: dict[str, str | int | bool | None] = {}


class Begun(NamedTuple):
    """A process that has its Start and waits to be told to load."""

    worker_id: str
    process: subprocess.Popen[bytes]


def begin(entry: ModelEntry, server: Mapping[str, str | int | bool | None]) -> Begun:
    """Begin a process for a model: it imports what the model needs, and waits for `LOAD`.

    It has a session of its own: a terminal's Ctrl-C reaches the supervisor alone, which then stops its workers in
    order. The pipe on stdin ends with this process, however it ends.
    """
    worker_id = uuid.uuid4().hex
    words = [sys.executable, "-m", "workers.worker", entry.name, worker_id]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True)
    say(process, msgspec.json.encode(Start(entry, dict(server))))  # type: ignore[arg-type]
    return Begun(worker_id, process)


def say(process: subprocess.Popen[bytes], line: bytes) -> None:
    """Tell a process something, if it has not ended."""
    assert process.stdin is not None  # noqa: S101
    with suppress(BrokenPipeError):
        process.stdin.write(line + b"\n")
        process.stdin.flush()

"""What is done to a stack in the middle of its work, and what its clients may then be told."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from redis import Redis

from bench.faults.stage import Stage
from workers.redis_server import MEMORY

DISK = 192 * 1024 * 1024  # bytes of the disk that is filled
MINUTE = 60.0
# What may be told, truly, to who asks while these are killed or away.
NO_WORKER, NO_QUEUE, NO_ROOM = "model_unavailable", "queue_unavailable", "storage_full"


class Unavailable(Exception):
    """This machine does not allow what the trouble needs."""


@dataclass(frozen=True)
class Trouble:
    """One fault: `strike` returns when it is over, after about `seconds`.

    `kills` are those of "web" and "worker" whose own clients may lose what they were hearing, `excuses` the codes that
    may be told to who asks meanwhile; `place` is the context in which the stack has its files.
    """

    name: str
    strike: Callable[[Stage, float], None]
    seconds: float = 0.0
    kills: frozenset[str] = frozenset()
    excuses: frozenset[str] = frozenset()
    place: Callable[[Path], AbstractContextManager[Path]] = nullcontext


def _killed(role: str, *kills: str, excuses: tuple[str, ...] = ()) -> Trouble:
    return Trouble(f"{role}:kill", lambda stage, _: stage.kill(role), 0.0, frozenset(kills), frozenset(excuses))


def _paused(role: str, seconds: float, *excuses: str) -> Trouble:
    strike = partial(_pause, role)
    return Trouble(f"{role}:stop{seconds:g}", strike, seconds, excuses=frozenset(excuses))


def _pause(role: str, stage: Stage, seconds: float) -> None:
    stage.pause(role, seconds)


@contextmanager
def disk(folder: Path) -> Iterator[Path]:
    """A small disk of its own, mounted in the folder; Unavailable where that is not allowed."""
    place = folder / "disk"
    place.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Unavailable(str(error)) from error
    if mounted.returncode:
        raise Unavailable(f"a disk that may be filled needs a tmpfs: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=False)


def _fill_disk(stage: Stage, seconds: float) -> None:
    """Fill the disk to its last byte, again and again as others free some, and make room after so long."""
    ballast, until = stage.place / "ballast", time.monotonic() + seconds
    try:
        with ballast.open("ab", buffering=0) as file:
            while time.monotonic() < until:
                for size in (1024 * 1024, 4096, 1):
                    try:
                        while file.write(bytes(size)) == size:
                            pass
                    except OSError:
                        continue
                time.sleep(0.2)
    finally:
        ballast.unlink()


def _fill_memory(stage: Stage, seconds: float) -> None:
    """Give Redis less memory than it uses, and more again after so long."""
    with Redis(port=stage.valkey.port) as redis:
        redis.config_set("maxmemory", "1mb")
        try:
            time.sleep(seconds)
        finally:
            redis.config_set("maxmemory", MEMORY)


def _nothing(stage: Stage, seconds: float) -> None:
    del stage, seconds


MATRIX = (
    _killed("worker", "worker", excuses=(NO_WORKER,)),
    _paused("worker", 8, NO_WORKER),
    _paused("worker", 30, NO_WORKER),
    _killed("supervisor", "worker", excuses=(NO_WORKER,)),
    _paused("supervisor", 8),
    _paused("supervisor", 30),
    _killed("web", "web"),
    _killed("web-worker", "web"),
    _paused("web", 8),
    _paused("web", 30),
    _killed("runner"),
    _paused("runner", 8),
    _paused("runner", 30),
    _killed("redis", excuses=(NO_QUEUE,)),
    _paused("redis", 8, NO_QUEUE),
    _paused("redis", 30, NO_QUEUE),
    *(
        Trouble(f"redis:away{seconds:g}", Stage.away, seconds, excuses=frozenset({NO_QUEUE}))
        for seconds in (2.0, 6.0, 20.0)
    ),
    _killed("everything", "web", "worker", excuses=(NO_WORKER, NO_QUEUE)),
    _paused("everything", 8, NO_WORKER, NO_QUEUE),
    _paused("everything", 30, NO_WORKER, NO_QUEUE),
    Trouble("memory-full", _fill_memory, MINUTE, excuses=frozenset({NO_ROOM})),
    Trouble("disk-full", _fill_disk, MINUTE, excuses=frozenset({NO_ROOM}), place=disk),
)
CROWD = Trouble("streams400", _nothing, 15.0)
BY_NAME = {trouble.name: trouble for trouble in (*MATRIX, CROWD)}

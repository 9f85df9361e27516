"""MLXQ_HOME: who may read it, which stack has it, and whether it is still there.

A local stack has its home for itself: each of its processes holds a lock in `locks/`, which the system takes back when
the process ends, however it ends. Redis decides: a second stack's Redis ends at once and with it the rest, which until
then waits for the first stack's processes to end and touches nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import structlog

from mlxq.exit_with_parent import STARTED_BY_MANAGER
from mlxq.settings import Settings

try:
    import fcntl
except ImportError:  # no such locks here: nothing keeps a second stack away
    fcntl = None  # type: ignore[assignment]

REDIS, WEB = "redis", "web"  # roles, as the Procfile names them
SUPERVISOR = "supervisor"  # the role of a process that `mlxq reload` may signal, however it was started
_RELOADED = "reloaded.json"
_OURS = (
    *("batches", "blobs", "identity", "launch.yaml", "locks", "processes", "redis", "redis-password", "secret"),
    "vectors",
    _RELOADED,
)
_OTHERS = 0o077  # the bits of a mode that let others in
_PATIENCE = 3.0  # seconds after which a process says that it waits for another stack
# The homes that this process entered. The open file keeps another one from getting the same number.
_entered: dict[Path, int] = {}
log = structlog.get_logger()


def enter(home: Path) -> None:
    """Make this home, for its owner only, and remember it; ends the process with a message when that cannot be."""
    os.umask(_OTHERS)
    try:
        (home / "locks").mkdir(parents=True, exist_ok=True)
        if home.stat().st_mode & _OTHERS:
            _tighten(home)
        _entered[home] = os.open(home / "identity", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        sys.exit(f"mlxq: {home} (MLXQ_HOME) cannot be used: {error}")


def join(settings: Settings, environ: Mapping[str, str], description: str = "") -> None:
    """Enter the home and, as a part of a stack with a Redis of ours, wait until no other stack has this one's place.

    `description` is what others are to know of this process beside its pid.
    """
    enter(settings.home)
    if settings.redis_external or STARTED_BY_MANAGER not in environ:
        return
    role = environ[STARTED_BY_MANAGER].removesuffix(".1")  # honcho numbers processes, `mlxq launch` does not
    parent, began, announced = os.getppid(), time.monotonic(), False
    while not hold(settings.home, role, description):
        if os.getppid() != parent:
            sys.exit(1)
        if not announced and time.monotonic() - began > _PATIENCE:
            log.warning("waiting for another stack's process to end", role=role, it=holder(settings.home, role))
            announced = True
        time.sleep(0.1)


def hold(home: Path, role: str, description: str = "", within: float = 0.0) -> bool:
    """Hold a role of this home until the process ends; False when another process still does after `within` seconds."""
    path, until = _lock(home, role), time.monotonic() + within
    while (handle := locked(path)) is None:
        if time.monotonic() >= until:
            return False
        time.sleep(0.05)
    os.truncate(handle, 0)
    os.write(handle, f"process {os.getpid()} {description}".strip().encode())
    return True


def holder(home: Path, role: str) -> str | None:
    """What the process that holds a role says of itself; None when none does."""
    path = _lock(home, role)
    if not path.exists():
        return None
    handle = locked(path)
    if handle is None:
        return path.read_text()
    os.close(handle)
    return None


def taken(home: Path) -> str:
    """What to tell a user whose home another stack has."""
    web = (holder(home, WEB) or "").partition("http")
    who = ", ".join(filter(None, (holder(home, REDIS), web[1] + web[2])))
    return (
        f"another mlxq has the folder {home} ({who}). It goes on as it is. Stop it first, or start one beside it with "
        "a folder and a port of its own: set MLXQ_HOME=other-folder and PORT=8001"
    )


def locked(path: Path) -> int | None:
    """An open file that no other process can lock until it is closed here and in children that inherit it, or None."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def tell_reloaded(home: Path, what: Mapping[str, object]) -> None:
    """Write down what came of reading the models' file anew."""
    temporary = home / f".{_RELOADED}"
    temporary.write_text(json.dumps(what))
    temporary.replace(home / _RELOADED)


def reloaded(home: Path) -> tuple[int, dict[str, Any]]:
    """When the models' file was last read anew, in nanoseconds, and what came of it; 0 when it never was."""
    path = home / _RELOADED
    try:
        return path.stat().st_mtime_ns, json.loads(path.read_text())
    except FileNotFoundError:
        return 0, {}


def missing(home: Path) -> str | None:
    """What to tell when the home that this process entered has been deleted or replaced; None while it is there."""
    with contextlib.suppress(OSError):
        if home not in _entered or os.path.samestat(os.fstat(_entered[home]), (home / "identity").stat()):
            return None
    return (
        f"the folder {home.absolute()} (MLXQ_HOME) was deleted while it was in use: "
        "what is queued is lost at the next restart. Stop mlxq and start it again"
    )


def with_password(settings: Settings) -> Settings:
    """These settings, with the password of this home in the URL of a Redis of ours that listens on TCP."""
    if settings.redis_external or settings.redis_url.startswith("unix:"):
        return settings
    password = kept(settings.home, "redis-password")
    return replace(settings, redis_url=settings.redis_url.replace("://", f"://:{password}@", 1))


@cache
def kept(home: Path, name: str) -> str:
    """A random secret that stays the same for this home, made by the process that needs it first."""
    path = home / name
    if not path.exists():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=home, prefix=f".{name}")  # readable by its owner only
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(32))
        with contextlib.suppress(FileExistsError):  # another process was first
            os.link(temporary, path)
        Path(temporary).unlink()
    return path.read_text()


def _lock(home: Path, role: str) -> Path:
    return home / "locks" / f"{role}.lock"


def _tighten(home: Path) -> None:
    if home.stat().st_mode & stat.S_ISVTX:
        log.warning("others can put files into this folder: set MLXQ_HOME to one of its own", folder=str(home))
        return
    changed = sum(_close(path) for path in (home, *_below(home)))
    log.info("this folder was open to others and no longer is", folder=str(home), changed=changed)


def _below(home: Path) -> Iterator[Path]:
    for name in _OURS:
        yield home / name
        yield from (home / name).rglob("*")


def _close(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode) or not mode & _OTHERS:
            return False
        path.chmod(stat.S_IMODE(mode) & ~_OTHERS)
    except FileNotFoundError:  # gone meanwhile, or never there
        return False
    except PermissionError as error:
        log.warning("others may read this", path=str(path), error=str(error))
        return False
    return True

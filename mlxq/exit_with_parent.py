"""A process of the local stack ends when its process manager is gone without a word, as when a terminal closes."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Mapping
from typing import Any

STARTED_BY_MANAGER = "HONCHO_PROCESS_NAME"  # honcho sets it, and `mlxq launch`
_LOOK = 0.5  # seconds between looks where the system does not tell of another process' end


def watch_manager(environ: Mapping[str, str]) -> None:
    """Send this process SIGTERM once the manager that started it has died; a process started otherwise stays."""
    if STARTED_BY_MANAGER in environ:
        watch_parent()


def watch_parent() -> None:
    """Send this process SIGTERM once the process that started it has ended."""
    threading.Thread(target=_watch, args=(os.getppid(),), name="parent-watch", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        try:
            _until_end(parent)
        except OSError:  # it has just ended, or the system does not tell
            time.sleep(_LOOK)
    os.kill(os.getpid(), signal.SIGTERM)


def _until_end(parent: int) -> None:
    """Wait until the parent has ended; OSError where the system cannot tell."""
    system: Any = select
    if hasattr(os, "pidfd_open"):
        handle = os.pidfd_open(parent)
        try:
            if os.getppid() == parent:  # the number was not somebody else's meanwhile
                system.select([handle], [], [])
        finally:
            os.close(handle)
    elif hasattr(system, "kqueue"):
        flags = system.KQ_EV_ADD | system.KQ_EV_ONESHOT
        watched = system.kevent(parent, system.KQ_FILTER_PROC, flags, system.KQ_NOTE_EXIT)
        with contextlib.closing(system.kqueue()) as queue:
            queue.control([watched], 1, None)
    else:
        raise OSError("this system does not tell of the end of another process")

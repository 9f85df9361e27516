"""What a process of the local stack does when its process manager is gone without a word, as when a terminal closes."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping

STARTED_BY_MANAGER = "HONCHO_PROCESS_NAME"  # honcho sets it, and `mlxq launch`


def end_with(environ: Mapping[str, str]) -> None:
    """Send this process SIGTERM once the manager that started it has died; a process started otherwise stays."""
    if STARTED_BY_MANAGER in environ:
        threading.Thread(target=_watch, args=(os.getppid(),), name="parent-watch", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)

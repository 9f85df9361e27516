"""Whether the client is still there, asked of its socket: a handler that waits writes nothing that could fail."""

from __future__ import annotations

import math
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tasks.processes.loops import Loop

PROBE = 0.2  # seconds between looks at the sockets of those who wait


class ClientGone(Exception):
    """The client closed its connection before the answer."""


class Probe:
    """A question that may be asked again and again; always no where the server does not lend its socket.

    A client that only shuts down its sending half looks gone.
    """

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self.connection: socket.socket | None = environ.get("gunicorn.socket")

    def __call__(self) -> bool:
        try:
            return (
                self.connection is not None
                and bool(_readable([self.connection.fileno()]))
                and self.connection.recv(1, socket.MSG_PEEK) == b""
            )
        except OSError:
            return True


@dataclass(eq=False)
class Waiter:
    """A call that waits: it is woken when its client is gone, and when it is `due`, in monotonic seconds."""

    probe: Probe
    wake: Callable[[], object]
    due: float = math.inf
    gone: bool = False


class Watcher:
    """One thread that looks for all who wait, while anybody does, so that none of them has to wake up for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiters: set[Waiter] = set()
        self._loop = Loop("watcher of clients", self._look, PROBE).start()

    @contextmanager
    def watching(self, waiter: Waiter) -> Iterator[Waiter]:
        """Look after one more waiter within this context."""
        with self._changed:
            self._waiters.add(waiter)
            self._changed.notify()
        try:
            yield waiter
        finally:
            with self._changed:
                self._waiters.remove(waiter)

    def _look(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiters)
            waiters = list(self._waiters)
        spoke = _readable(waiter.probe.connection.fileno() for waiter in waiters if waiter.probe.connection is not None)
        now = time.monotonic()
        for waiter in waiters:
            connection = waiter.probe.connection
            file = -1 if connection is None else connection.fileno()  # a websocket's is closed by its reader
            waiter.gone = connection is not None and (file < 0 or file in spoke) and waiter.probe()
            if waiter.gone or now >= waiter.due:
                waiter.wake()


def _readable(files: Iterable[int]) -> frozenset[int]:
    """Those of these open files that have something to read, or an end."""
    poll = select.poll()
    for file in files:
        if file >= 0:  # its thread may have closed it meanwhile
            poll.register(file, select.POLLIN)
    return frozenset(file for file, _ in poll.poll(0))

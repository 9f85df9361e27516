"""How much this process takes on at a time, and what those are told who come when it is full.

A call that waits for a job, or whose body is long in coming, has a thread meanwhile, and a stream has a socket. Those
are counted; everything else is answered at once, also when no more of them are taken.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any

from flask import Flask, Response, g, request

from mlxq.settings import Settings
from web.http.errors import TooManyCalls

RECEIVING = "mlxq.receiving"  # in the WSGI environment: whether a part of the body is still to come
LET_GO = "mlxq.let_go"  # and what ends an answer that its client does not read; it says whether there was one
_CONNECTIONS, _FILES = 1000, 4096
_BODIES = 80  # large ones at a time, as each may be as large as MLXQ_MAX_BODY_BYTES
_ROOM = 1.0  # seconds for somebody else to be gone
_AGAIN = 5  # seconds


def raise_files() -> None:
    """Ask for as many open files as we could need: macOS gives a shell 256, and every stream is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connections(settings: Settings) -> int:
    """How many clients may be connected: a call has a file open for its client, and may need another one to answer."""
    wanted = max(_CONNECTIONS, 2 * settings.web_threads)
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if files == resource.RLIM_INFINITY else min(wanted, files // 2)


class Capacity:
    """The calls that wait, and the bodies that are long in coming, of one process."""

    def __init__(self, settings: Settings) -> None:
        most = min(settings.web_threads, connections(settings) * 3 // 4)
        self._limit = "MLXQ_WEB_THREADS" if most == settings.web_threads else "the limit of open files, 'ulimit -n'"
        self._most, self._calls = most, BoundedSemaphore(most)
        self._most_bodies = min(most // 4, _BODIES)
        self._bodies = BoundedSemaphore(self._most_bodies)

    def occupy(self) -> None:
        """Count the current request until the last byte of its answer; TooManyCalls when there are too many."""
        if "occupied" in g or self._taken():
            return
        raise TooManyCalls(
            f"{self._most} calls wait or stream here, as many as may ({self._limit}); try again a little later",
            retry_after=_AGAIN,
        )

    def _taken(self) -> bool:
        let_go = request.environ.get(LET_GO, lambda: False)
        if not self._calls.acquire(blocking=False) and not (let_go() and self._calls.acquire(timeout=_ROOM)):
            return False
        g.occupied = self._calls
        return True

    @contextmanager
    def receive(self, environ: Mapping[str, Any]) -> Iterator[None]:
        """Count a request while it reads a body that is not here yet; TooManyCalls as `occupy`."""
        if not environ.get(RECEIVING):
            yield
            return
        if not self._bodies.acquire(timeout=_ROOM):  # most of them are here in no time
            raise TooManyCalls(
                f"{self._most_bodies} large bodies are being sent here, as many as may be at a time (a quarter of "
                f"{self._limit}, at most {_BODIES}); try again a little later",
                retry_after=_AGAIN,
            )
        try:
            yield
        finally:
            self._bodies.release()


def register(app: Flask) -> None:
    """Give back what a request occupied, when its answer's last byte is out."""

    @app.after_request
    def give_back(response: Response) -> Response:
        if "occupied" in g:
            response.call_on_close(g.pop("occupied").release)
        return response

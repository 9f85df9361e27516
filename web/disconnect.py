"""Whether the client is still there, asked of its socket: a handler that waits writes nothing that could fail."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Mapping
from typing import Any


class ClientGone(Exception):
    """The client closed its connection before the answer."""


def probe(environ: Mapping[str, Any]) -> Callable[[], bool]:
    """A question that may be asked again and again; always no where the server does not lend its socket.

    A client that only shuts down its sending half looks gone.
    """
    connection: socket.socket | None = environ.get("gunicorn.socket")
    if connection is None:
        return lambda: False
    readable = select.poll()
    readable.register(connection, select.POLLIN)

    def gone() -> bool:
        try:
            return bool(readable.poll(0)) and connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    return gone

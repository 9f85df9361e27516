"""A websocket is read once its own limits hold, and not while its client is ahead."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from web.http.wire.sockets import Connection


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Connection]]:
    client, server = socket.socketpair()
    with client, server:
        yield client, Connection(server)


def read(ours: Connection, happened: list[str]) -> threading.Thread:
    """Read once in a thread, as simple-websocket's does as soon as it is made."""

    def run() -> None:
        ours.recv(4096)
        happened.append("read")

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.05)  # it has the time to be wrong
    return thread


def test_nothing_is_read_before_the_socket_s_limits_are_set(ends: tuple[socket.socket, Connection]) -> None:
    client, ours = ends
    happened: list[str] = []
    client.sendall(b"x")
    thread = read(ours, happened)
    happened.append("opened")
    ours.open(ahead=lambda: False)
    thread.join()
    assert happened == ["opened", "read"]


def test_a_client_that_is_ahead_waits(ends: tuple[socket.socket, Connection]) -> None:
    client, ours = ends
    happened: list[str] = []
    client.sendall(b"x")
    ours.open(ahead=lambda: "answered" not in happened)
    thread = read(ours, happened)
    happened.append("answered")
    thread.join()
    assert happened == ["answered", "read"]

"""A client's time is for a request's head and small body, and then for each further part of a large one."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from gunicorn.config import Config

from web.http.errors import RequestTimeout
from web.http.wire.connection import PART, SMALL, Connection, Peer

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"


class Ends(NamedTuple):
    client: socket.socket
    ours: Connection


@pytest.fixture
def ends() -> Iterator[Ends]:
    client, server = socket.socketpair()
    with client, Peer(fileno=server.detach()) as peer:
        yield Ends(client, Connection(peer, ("127.0.0.1", 1), ("127.0.0.1", 2), Config(), patience=5))


def test_a_small_body_is_awaited_and_a_large_one_is_not(ends: Ends) -> None:
    ends.ours.feed(HEAD % 10 + b"x" * 9)
    assert not ends.ours.ready()
    ends.ours.feed(b"x")
    assert ends.ours.ready() and not ends.ours.receiving


def test_a_large_body_is_read_by_who_wants_it(ends: Ends) -> None:
    ends.ours.feed(HEAD % (2 * SMALL))
    assert ends.ours.ready() and ends.ours.receiving


def test_a_body_that_moves_has_time_anew_for_each_part(ends: Ends) -> None:
    ends.ours.feed(HEAD % (4 * PART))
    assert ends.ours.ready()
    ends.ours.lend()
    ends.ours.deadline = early = time.monotonic() + 1
    for _ in range(PART // 4096 - 1):
        ends.client.sendall(b"x" * 4096)
        ends.ours.request.body.read(4096)
    assert ends.ours.deadline == early
    ends.client.sendall(b"x" * 4096)
    ends.ours.request.body.read(4096)
    assert ends.ours.deadline > early


def test_a_body_that_does_not_move_ends_in_time(ends: Ends) -> None:
    ends.ours.feed(HEAD % (4 * PART))
    assert ends.ours.ready()
    ends.ours.lend()
    ends.ours.deadline = time.monotonic() + 0.05
    with pytest.raises(RequestTimeout):
        ends.ours.request.body.read(4096)


def test_what_nobody_wanted_of_a_body_is_dropped_as_it_comes(ends: Ends) -> None:
    ends.ours.feed(HEAD % (3 * SMALL) + b"x" * SMALL)
    assert ends.ours.ready() and ends.ours.reusable()
    ends.ours.finish()
    assert not ends.ours.ready()
    ends.ours.feed(b"x" * (2 * SMALL) + HEAD % 0)
    assert ends.ours.ready() and ends.ours.request.method == "POST"


def test_writing_goes_on_as_long_as_the_client_takes_something(ends: Ends) -> None:
    ends.ours.peer.settimeout(0.2)
    with pytest.raises(TimeoutError):
        ends.ours.peer.sendall(b"x" * (8 << 20))
    assert ends.ours.peer.blocked is None

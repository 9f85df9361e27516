"""Answers that wait for what comes next cost no thread, and lose nothing of it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing

import psutil
import pytest

from tasks.redis import store as stores
from tasks.values import events
from tests.support.servers import Valkey, eventually
from tests.web import alone
from tests.web.alone import Web, heard
from web.http.wire.connection import Peer

STREAMS = 40
BYTES = 60_000  # of an event, of which a few are more than the system keeps for a client that does not read


@pytest.fixture(scope="module")
def web(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    yield from alone.running(Web(valkey, tmp_path_factory.mktemp("streams")))


def following(web: Web, job: str) -> socket.socket:
    """A client of a job's events that has seen the first of them."""
    connection = web.connect()
    connection.sendall(f"GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    seen = b""
    while b"delta" not in seen:
        seen += connection.recv(1 << 20)
    return connection


def tell(web: Web, job: str, numbers: range, size: int = 1) -> None:
    """Let more happen to a job, and then end it."""
    store = stores.connect(web.settings)
    with closing(store.redis):
        store.redis.hset(store.keys.job(job), "attempt", 1)
        for number in numbers:
            delta = events.Delta(f"{number} ".ljust(size, "x"))
            store.redis.xadd(store.keys.events(job), {"e": events.encode(delta)}, id=f"1-{number}")
        store.finish(job, events.Cancelled())


def threads(web: Web) -> int:
    family = [psutil.Process(web.process.pid), *psutil.Process(web.process.pid).children(recursive=True)]
    return sum(process.num_threads() for process in family)


def test_a_stream_that_waits_has_no_thread(web: Web) -> None:
    job = web.waiting_job(bytes_each=1)
    with ExitStack() as clients:
        following(web, job).close()
        few = threads(web)
        streams = [clients.enter_context(closing(following(web, job))) for _ in range(STREAMS)]
        assert threads(web) < few + STREAMS / 2
        tell(web, job, range(2, 5))
        for stream in streams:
            told = heard(stream)
            assert [b'"%d "' % number in told for number in range(2, 5)] == [True] * 3 and b"cancelled" in told


def test_a_client_that_is_slow_loses_nothing(web: Web) -> None:
    slow, quick = web.waiting_job(bytes_each=1), web.waiting_job(bytes_each=1)
    with closing(following(web, slow)) as stream:
        tell(web, slow, range(2, 62), BYTES)
        with closing(following(web, quick)) as other:  # it is not waited for
            tell(web, quick, range(2, 3))
            assert b"cancelled" in heard(other)
        told = heard(stream)
    places = [told.find(b'"%d x' % number) for number in range(2, 62)]
    assert -1 not in places and places == sorted(places) and b"cancelled" in told


def test_a_stream_ends_with_its_client(web: Web) -> None:
    job = web.waiting_job(bytes_each=1)
    following(web, job).close()
    eventually(lambda: web.process.log("answered") and job in web.process.log("answered")[-1])


def test_what_a_client_does_not_take_at_once_is_kept_in_order() -> None:
    left, right = socket.socketpair()
    with closing(Peer(fileno=left.detach())) as peer, closing(right):
        peer.setblocking(False)
        pieces = [bytes([number]) * BYTES for number in range(50)]
        for piece in pieces:
            peer.sendall(piece)
        assert peer.unsent
        said = b""
        while peer.unsent:
            said += right.recv(1 << 20)
            peer.sendall(b"")
        right.setblocking(False)
        said += right.recv(1 << 22)
        assert said == b"".join(pieces)

"""Whatever clients do to the door, people behind it are answered."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import httpx
import msgspec
import pytest

from tests.faults.clients import CHAT, Clients, body
from tests.support.servers import Stack, Valkey, eventually, fake, running

PATIENCE = 2.0  # seconds
THREADS = 24
SILENT, HALF, DEAF = 200, 60, 40


@pytest.fixture(scope="module")
def small(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    limits = {"MLXQ_WEB_THREADS": str(THREADS), "MLXQ_CLIENT_TIMEOUT": str(PATIENCE)}
    yield from running(Stack(valkey, tmp_path_factory.mktemp("edge"), [fake(slots=32, step_ms=20)], **limits))


def said(stack: Stack, data: bytes, buffer: int = 4096) -> socket.socket:
    """A client that says this, and neither says nor reads more."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.connect(("127.0.0.1", stack.port))
    connection.sendall(data)
    return connection


def post(content: dict[str, object], *headers: str) -> bytes:
    data = msgspec.json.encode(content)
    lines = [f"POST {CHAT} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(data)}", "", ""]).encode() + data


def test_a_stream_that_nobody_reads_is_one_whose_client_went_away(small: Stack) -> None:
    key = "deaf"
    long = body("x" * 60_000, tokens=500, stream=True)
    with closing(said(small, post(long, f"Idempotency-Key: {key}"))), httpx.Client(base_url=small.url) as http:

        def running_job() -> str | None:
            found = http.get("/v1/jobs", params={"idempotency_key": key}).json()["data"]
            return found[0]["id"] if found and found[0]["status"] == "running" else None

        job = eventually(running_job)
        eventually(lambda: http.get(f"/v1/jobs/{job}").json()["status"] == "cancelled")


def test_streams_beyond_the_threads_are_told_so_and_none_breaks_off(small: Stack) -> None:
    with closing(Clients(small)) as clients:
        calls = [clients.stream(f"word{number}", tokens=50) for number in range(2 * THREADS)]
        for call in calls:
            call.wait()
    served = [call for call in calls if call.status == 200]
    assert {call.status for call in calls} <= {200, 429} and len(served) >= THREADS
    assert all(call.done and len(call.text.split()) == 50 and not call.broken for call in served)


def test_people_are_answered_while_others_say_nothing_stop_in_the_middle_or_do_not_listen(small: Stack) -> None:
    with httpx.Client(base_url=small.url, timeout=60) as http:
        job = http.post(CHAT, json=body("x" * 60_000, tokens=120), headers={"Prefer": "respond-async"}).json()["id"]
        eventually(lambda: http.get(f"/v1/jobs/{job}").json()["status"] == "succeeded")
    asking = f"GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    found = [said(small, data) for data in [b""] * SILENT + [b"GET / HTTP/1.1\r\nX:"] * HALF + [asking] * DEAF]
    try:
        with httpx.Client(base_url=small.url, timeout=30) as http:
            for _ in range(10):
                assert http.get("/health").status_code == 200
                eventually(lambda: http.post(CHAT, json=body()).status_code == 200, within=30, every=0.1)
    finally:
        for connection in found:
            connection.close()

"""`python -m bench.edge`: how long people wait for an answer while others do their worst at the door.

One stack with the fake engine and the settings that it comes with. While each crowd is connected, `/health` and a chat
of three tokens are asked for, one after the other, for some seconds; the table has the slowest of each. Then 400
streams at once. It ends with 1 if anybody waited longer than two seconds, or a stream broke off. All of it shares
this machine.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import NamedTuple

import httpx
from rich.console import Console
from rich.table import Table

from bench.stacks import more_files, served
from tests.faults.clients import CHAT, Call, Clients, body
from tests.support.servers import Stack, eventually, fake

SECONDS, LIMIT = 10.0, 2.0
STREAMS = 400
HALF = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
POST = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ".encode()


class Row(NamedTuple):
    """What a crowd did to the others: seconds that the slowest waited, and what they were told but for a 200."""

    name: str
    health: float
    chat: float
    refused: Counter[str]


@contextmanager
def crowd(stack: Stack, count: int, says: bytes, drip: bytes = b"") -> Iterator[None]:
    """So many clients that say this, then `drip` once a second, and read nothing; who is closed comes again."""
    found = [_client(stack, says) for _ in range(count)]
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(1.0):
            for number, connection in enumerate(found):
                try:
                    connection.send(drip or b"", socket.MSG_DONTWAIT)
                    closed = not drip and _closed(connection)
                except BlockingIOError:
                    continue
                except OSError:
                    closed = True
                if closed:
                    connection.close()
                    with contextlib.suppress(OSError):
                        found[number] = _client(stack, says)

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        for connection in found:
            connection.close()


def _closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False


def _client(stack: Stack, says: bytes) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(5)
    connection.connect(("127.0.0.1", stack.port))
    connection.sendall(says)
    return connection


def measure(stack: Stack, name: str, *crowds: tuple[int, bytes, bytes]) -> Row:
    """How long the slowest waited while these were connected."""
    health, chat, refused = [0.0], [0.0], Counter[str]()
    with ExitStack() as connected, httpx.Client(base_url=stack.url, timeout=60) as http:
        for count, says, drip in crowds:
            connected.enter_context(crowd(stack, count, says, drip))
        asked = ((health, lambda: http.get("/health")), (chat, lambda: http.post(CHAT, json=body(tokens=3))))
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            for times, ask in asked:
                began = time.monotonic()
                refused[_told(ask)] += 1
                times.append(time.monotonic() - began)
            time.sleep(0.05)
    del refused["200"]
    return Row(name, max(health), max(chat), refused)


def _told(ask: Callable[[], httpx.Response]) -> str:
    try:
        answer = ask()
    except httpx.TransportError as error:
        return type(error).__name__
    return "200" if answer.status_code == 200 else str(answer.json()["error"]["code"])


def large(stack: Stack) -> tuple[bytes, bytes]:
    """Requests whose answers are too large for a socket: a job's events, and a file."""
    with httpx.Client(base_url=stack.url, timeout=60) as http:
        job = http.post(CHAT, json=body("x" * 60_000, tokens=24), headers={"Prefer": "respond-async"}).json()["id"]
        eventually(lambda: http.get(f"/v1/jobs/{job}").json()["status"] == "succeeded")
        sent = {"file": ("large.bin", bytes(8 << 20))}
        file = http.post("/v1/files", files=sent, data={"purpose": "user_data"}).json()["id"]
    return _get(f"/v1/jobs/{job}/events"), _get(f"/v1/files/{file}/content")


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def streams(stack: Stack) -> Counter[str]:
    """What became of 400 streams at once."""
    with closing(Clients(stack)) as clients:
        clients.http = httpx.Client(
            base_url=stack.url, timeout=120, limits=httpx.Limits(max_connections=STREAMS, max_keepalive_connections=0)
        )
        calls = [clients.stream(f"word{number}", tokens=50) for number in range(STREAMS)]
        return Counter(_end(call.wait(180)) for call in calls)


def _end(call: Call) -> str:
    if call.broken:
        return "broken off"
    if call.error is not None:
        return str(call.error["code"])
    return "whole" if call.done and len(call.chunks) == 50 else str(call.status)


def main() -> int:
    """Measure everything, and show it."""
    more_files()
    with served([fake(slots=64, step_ms=5, queue_size=1000)]) as stack:
        events, file = large(stack)
        silent, half = (1000, b"", b""), (400, HALF, b"")
        rows = [
            measure(stack, "nobody else"),
            measure(stack, "340 slow headers", (340, HALF, b"x")),
            measure(stack, "340 slow bodies", (340, POST + b"1000\r\n\r\n{", b" ")),
            measure(stack, "340 slow large bodies", (340, POST + b"10000000\r\n\r\n{", b" ")),
            measure(stack, "2,000 that say nothing", (2000, b"", b"")),
            measure(stack, "400 that do not read", (200, events, b""), (200, file, b"")),
            measure(stack, "1,000 silent, 400 half, 400 deaf", silent, half, (200, events, b""), (200, file, b"")),
        ]
        ends = streams(stack)
    table = Table("others", "slowest /health, s", "slowest chat, s", "not a 200")
    for row in rows:
        table.add_row(row.name, f"{row.health:.2f}", f"{row.chat:.2f}", str(dict(row.refused) or ""))
    Console().print(table)
    print(f"{STREAMS} streams at once: {dict(ends)}")
    late = any(max(row.health, row.chat) > LIMIT or row.refused for row in rows)
    return int(late or not ends.keys() <= {"whole", "too_many_calls"})


if __name__ == "__main__":
    sys.exit(main())

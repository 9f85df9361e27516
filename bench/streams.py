"""`python -m bench.streams 100 300 1000`: so many streams at a time, at a pace that a small machine can bear.

A fake engine says a word a stream and step and puts the time into each, so the client knows of every word how late it
came and of every stream whether a word is missing. Delays and CPU time count while all streams run. All of it, the
client included (one process, raw sockets, no JSON), shares this machine.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import selectors
import socket
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.cpu import Spent
from tests.support.servers import Stack, Valkey, fake
from web.http.access.capacity import raise_files

_WORD = re.compile(rb"clock(\d+)@([\d.]+) ")
_HANGS = 30.0  # seconds without a byte for anybody


@dataclass(eq=False)
class Stream:
    """One client: what it has heard."""

    connection: socket.socket
    head: bytes = b""
    rest: bytes = b""  # the part of an unfinished line that has arrived
    words: int = 0
    missing: int = 0
    ended: str = ""
    late: list[tuple[float, float]] = field(default_factory=list)  # when a word came, and how long after it was made

    def hear(self, data: bytes, now: float) -> None:
        """Take what came; sets `ended` with the last of it."""
        if len(self.head) < 12:
            self.head = (self.head + data)[:12]
            if len(self.head) == 12 and self.head[9:] != b"200":
                self.ended = f"status {self.head[9:].decode()}"
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            for number, made in _WORD.findall(line):
                self.missing += int(number) - self.words - 1
                self.words = int(number)
                self.late.append((now, now - float(made)))
            if line == b"data: [DONE]":
                self.ended = "whole"


def ask(port: int, tokens: int) -> Stream:
    """Begin one stream."""
    body = json.dumps(
        {
            "model": "fake",
            "messages": [{"role": "user", "content": "clock"}],
            "max_tokens": tokens,
            "stream": True,
        }
    )
    connection = socket.create_connection(("127.0.0.1", port))
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    connection.sendall(f"{head}Content-Type: application/json\r\n\r\n{body}".encode())
    connection.setblocking(False)
    return Stream(connection)


class Load:
    """So many streams at once, from their beginning to their end, and what happened while all of them spoke."""

    def __init__(self, stack: Stack, spent: Spent, count: int, tokens: int) -> None:
        self.tokens, self._spent = tokens, spent
        self._selector = selectors.DefaultSelector()
        self.streams = [ask(stack.port, tokens) for _ in range(count)]
        for stream in self.streams:
            self._selector.register(stream.connection, selectors.EVENT_READ, stream)
        self._silent, self._going = set(self.streams), set(self.streams)
        self._since, self._until = time.monotonic(), math.inf
        self._before: dict[str, float] | None = None
        self.cpu = ""

    def run(self) -> Load:
        """Hear all of them out."""
        while self._going and (found := self._selector.select(_HANGS)):
            now = time.monotonic()
            for key, _ in found:
                self._hear(key.data, now)
            if not self._silent and self._before is None:
                self._since, self._before = time.monotonic(), self._spent.now()
        for stream in list(self._going):
            stream.ended = "silent"
            self._leave(stream)
        self._selector.close()
        return self

    def _hear(self, stream: Stream, now: float) -> None:
        try:
            data = stream.connection.recv(65536)
        except ConnectionError:
            data = b""
        stream.hear(data, now)
        if not data and not stream.ended:
            stream.ended = "broken off"
        if stream.words or stream.ended:
            self._silent.discard(stream)
        if stream.ended:
            self._leave(stream)

    def _leave(self, stream: Stream) -> None:
        if stream.words and not self.cpu and self._before is not None:
            self._until = time.monotonic()
            self.cpu = self._spent.since(self._before, len(self.late))
        self._going.discard(stream)
        self._selector.unregister(stream.connection)
        stream.connection.close()

    @property
    def late(self) -> list[float]:
        """Seconds that words were under way, of those that came while all streams spoke."""
        words = (word for stream in self.streams for word in stream.late)
        return [by for came, by in words if self._since < came <= self._until]

    def row(self) -> list[str]:
        """What became of it, as cells."""
        ends = Counter(stream.ended for stream in self.streams)
        lost = sum(each.missing + (self.tokens - each.words if each.ended == "whole" else 0) for each in self.streams)
        quantiles = statistics.quantiles(self.late or [0.0, 0.0], n=100)
        delays = [f"{1000 * quantiles[at - 1]:.0f}" for at in (50, 95, 99)]
        return [", ".join(f"{many} {what}" for what, many in ends.items()), str(lost), *delays, self.cpu]


def main() -> None:
    """Start a stack for each number of streams, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("streams", type=int, nargs="*", default=[100, 300, 1000])
    parser.add_argument("--step-ms", type=float, default=200.0)
    parser.add_argument("--tokens", type=int, default=100, help="words a stream")
    chosen = parser.parse_args()
    raise_files()
    title = f"{chosen.tokens} words a stream, one in {chosen.step_ms:g} ms"
    table = Table("streams", "ends", "words lost", "delay ms p50", "p95", "p99", "CPU ms a word", title=title)
    for count in chosen.streams:
        with tempfile.TemporaryDirectory() as folder:
            valkey = Valkey(Path(folder))
            model = fake(slots=count, step_ms=chosen.step_ms, queue_size=2 * count)
            stack = Stack(valkey, Path(folder) / "stack", [model])
            try:
                stack.ready()
                Load(stack, Spent(stack, valkey), min(count, 32), 2).run()  # the first calls open connections
                spent = Spent(stack, valkey)
                table.add_row(str(count), *Load(stack, spent, count, chosen.tokens).run().row())
            finally:
                stack.stop()
                valkey.stop()
    Console(width=140).print(table)


if __name__ == "__main__":
    main()

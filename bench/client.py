"""A client that times what it hears, cheap enough for a thousand streams beside the server that it measures.

Every piece of text of a stream gets the moment at which it came. One thread with asyncio's own sockets: the SDK and
httpx take longer for a chunk than the server under test.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

CHAT = "/v1/chat/completions"
PATIENCE = 180.0  # seconds that an answer may take; one that takes longer is lost
TRIES = 5  # to connect; servers with a short backlog refuse some of those who come together
Body = Mapping[str, Any]
T = TypeVar("T")


@dataclass
class Heard:
    """One streamed answer. Moments are those of `time.perf_counter`."""

    asked: float = 0.0
    status: int = 0
    pieces: list[tuple[float, str]] = field(default_factory=list)
    tokens: int = 0  # as the server counts them, else pieces
    ended: float = 0.0
    whole: bool = False  # it ended as an answer should

    @property
    def first(self) -> float:
        """Seconds until the first piece of text."""
        return self.pieces[0][0] - self.asked

    @property
    def gaps(self) -> list[float]:
        """Seconds between pieces that follow each other."""
        return [after - before for (before, _), (after, _) in itertools.pairwise(self.pieces)]


class Connection:
    """A connection to a server that is kept from call to call, as an SDK keeps it."""

    def __init__(self, url: str) -> None:
        self._host, self._port = urlsplit(url).hostname or "", urlsplit(url).port or 80
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def stream(self, path: str, body: Body, on_piece: Callable[[Heard], bool] = lambda heard: False) -> Heard:
        """One streamed answer; hangs up once `on_piece` says so. One that breaks off is not `whole`."""
        heard = Heard(time.perf_counter())
        with suppress(OSError, EOFError, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                reader, head = await self._ask(path, body)
                heard.status = head.status
                if head.status == 200:
                    await self._listen(reader, head, heard, on_piece)
        if not heard.whole:
            self.close()
        heard.ended = time.perf_counter()
        heard.tokens = heard.tokens or len(heard.pieces)
        return heard

    async def _listen(
        self, reader: asyncio.StreamReader, head: _Head, heard: Heard, on_piece: Callable[[Heard], bool]
    ) -> None:
        # Servers send whole events in a chunk, so the lines that frame the chunks can be passed over.
        while line := await reader.readline():
            if line == b"0\r\n" and head.chunked:
                await reader.readline()
                break
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                heard.whole = True
            elif self._take(json.loads(data), heard) and on_piece(heard):
                return
        if not head.kept:
            self.close()

    @staticmethod
    def _take(event: dict[str, Any], heard: Heard) -> bool:
        """Note an event; whether it held text."""
        if usage := event.get("usage"):
            heard.tokens = usage.get("completion_tokens") or usage.get("output_tokens") or 0
        text = "".join(
            choice["delta"].get("content") or choice["delta"].get("reasoning_content") or ""
            for choice in event.get("choices") or ()
        )
        if text:
            heard.pieces.append((time.perf_counter(), text))
        return bool(text)

    async def call(self, path: str, body: Body) -> Any:
        """One answer in JSON; raises ConnectionError unless a 200 comes."""
        reader, head = await self._ask(path, body)
        data = b""
        if head.chunked:
            while size := int((await reader.readline()).split(b";")[0], 16):
                data += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
        else:
            data = await (reader.read() if head.length is None else reader.readexactly(head.length))
        if not head.kept:
            self.close()
        if head.status != 200:
            raise ConnectionError(f"status {head.status}: {data[:200]!r}")
        return json.loads(data)

    async def _ask(self, path: str, body: Body) -> tuple[asyncio.StreamReader, _Head]:
        for attempt in itertools.count(1):
            with suppress(OSError, EOFError):
                return await self._asked(path, body)
            self.close()
            if attempt == TRIES:
                raise ConnectionError(f"{self._host}:{self._port} does not answer")
            await asyncio.sleep(0.05 * attempt)
        raise AssertionError

    async def _asked(self, path: str, body: Body) -> tuple[asyncio.StreamReader, _Head]:
        self._streams = self._streams or await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        data = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        version, status, *_ = lines[0].split()
        named = {name: value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = named.get("content-length")
        chunked = "chunked" in named.get("transfer-encoding", "")
        kept = version == "http/1.1" and named.get("connection") != "close" and (chunked or length is not None)
        return reader, _Head(int(status), chunked, None if length is None else int(length), kept)

    def close(self) -> None:
        """Hang up; the next call connects anew."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


@dataclass(frozen=True)
class _Head:
    status: int
    chunked: bool
    length: int | None
    kept: bool


def streams(url: str, bodies: Sequence[Body], path: str = CHAT) -> list[Heard]:
    """What so many clients heard that asked at the same moment, each over a connection of its own."""

    async def one(body: Body) -> Heard:
        connection = Connection(url)
        try:
            return await connection.stream(path, body)
        finally:
            connection.close()

    return together([lambda body=body: one(body) for body in bodies])


def calls(url: str, path: str, clients: Sequence[Iterable[Body]], seconds: float) -> list[float]:
    """Seconds of each call of clients that ask one thing after the other until so many seconds have passed.

    Each keeps its connection. Raises OSError or EOFError when one is not answered with a 200.
    """
    until = time.perf_counter() + seconds

    async def one(bodies: Iterable[Body]) -> list[float]:
        connection, waited = Connection(url), []
        for body in bodies:
            asked = time.perf_counter()
            if asked > until:
                break
            async with asyncio.timeout(PATIENCE):
                await connection.call(path, body)
            waited.append(time.perf_counter() - asked)
        connection.close()
        return waited

    return list(itertools.chain(*together([lambda bodies=bodies: one(bodies) for bodies in clients])))


def together(works: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """Do all of it at once."""

    async def everything() -> list[T]:
        return list(await asyncio.gather(*(work() for work in works)))

    return asyncio.run(everything())

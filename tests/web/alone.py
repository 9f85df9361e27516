"""The web process alone, and bytes to say to it: what happens at its door needs no model."""

from __future__ import annotations

import resource
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import yaml

from mlxq.settings import Settings
from tasks.redis import store as stores
from tasks.values.events import Delta, encode
from tests.support.servers import Process, Valkey, environment, eventually, fake, free_port
from tests.web.bodies import CHAT, chat

DRAWS = {"model_path": "none", "served_model_name": "draws", "model_type": "image-generation"}


class Web:
    """A gunicorn of ours, with settings and a number of open files of its own."""

    def __init__(self, valkey: Valkey, folder: Path, *, files: int = 1024, **env: str) -> None:
        config = folder / "models.yaml"
        config.write_text(yaml.safe_dump({"models": [fake(), DRAWS]}))
        self._valkey, self._database = valkey, valkey.lend()
        redis_url = valkey.url(self._database)
        self.settings = Settings(redis_url=redis_url, namespace="alone", home=folder / "var", config=config)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        words = ["-m", "gunicorn", "--config", "python:web.gunicorn", "web.wsgi:app"]
        limited = ["/bin/sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", sys.executable, *words]
        self.process = Process(limited, environment(self.settings, PORT=str(self.port), **env))

    def stop(self) -> None:
        self.process.stop()
        self._valkey.give_back(self._database)

    def up(self) -> Web:
        def answers() -> bool:
            try:
                return httpx.get(f"{self.url}/health", timeout=30).status_code == 200
            except httpx.TransportError:
                return False

        eventually(answers, every=0.1)
        return self

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def say(self, data: bytes) -> bytes:
        """All that is answered to these bytes, until the connection is closed."""
        with closing(self.connect()) as connection:
            connection.sendall(data)
            return heard(connection)

    @contextmanager
    def many(self, count: int, data: bytes = b"") -> Iterator[list[socket.socket]]:
        """So many connections that have said so much, and say no more."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard == resource.RLIM_INFINITY or hard >= 4096:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
        found: list[socket.socket] = []
        try:
            for _ in range(count):
                found.append(self.connect())
                found[-1].sendall(data)
            yield found
        finally:
            for connection in found:
                connection.close()

    def waiting_job(self, events: int = 1, bytes_each: int = 60_000) -> str:
        """A job that nobody runs, with events of some size."""
        answer = httpx.post(self.url + CHAT, json=chat(), headers={"Prefer": "respond-async"}).json()
        store = stores.connect(self.settings)
        with closing(store.redis):
            for number in range(1, events + 1):
                store.redis.xadd(
                    store.keys.events(answer["id"]), {"e": encode(Delta("x" * bytes_each))}, id=f"1-{number}"
                )
        return str(answer["id"])


def heard(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    pieces = list(iter(partial(connection.recv, 65536), b""))
    return b"".join(pieces)


def answers(data: bytes) -> list[tuple[int, dict[str, str], Any]]:
    """The answers in these bytes: status, headers and JSON."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        body, data = data[:length], data[length:]
        found.append((int(status.split()[1]), headers, msgspec.json.decode(body) if body else None))
    return found


def running(web: Web) -> Iterator[Web]:
    """A started process, stopped afterwards whatever happened."""
    try:
        yield web.up()
    finally:
        web.stop()

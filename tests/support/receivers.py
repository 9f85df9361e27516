"""A receiver of webhooks on loopback."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

SECRET = "whsec_" + "c2VjcmV0" * 5


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        receiver: Receiver = self.server  # type: ignore[assignment]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver.received.append(Received(self.path, dict(self.headers), body))
        receiver.calls[self.path] += 1
        status = 200
        if self.path.startswith("/answers/"):  # /answers/500,204: a status a call, the last one from then on
            statuses = self.path.removeprefix("/answers/").split(",")
            status = int(statuses[min(receiver.calls[self.path], len(statuses)) - 1])
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Receiver(ThreadingHTTPServer):
    """Keeps what it gets, and answers as the path says."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[Received] = []
        self.calls: Counter[str] = Counter()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def about(self, job_id: str, path: str | None = None) -> list[Received]:
        return [
            one for one in self.received if one.event["data"]["id"] == job_id and (path is None or one.path == path)
        ]


def running() -> Iterator[Receiver]:
    with Receiver() as receiver:
        thread = threading.Thread(target=receiver.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield receiver
        receiver.shutdown()
        thread.join()

"""A site on loopback with media to fetch."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TYPES = {"wav": "audio/wav", "png": "image/png"}  # by the ending of a path


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        site: Site = self.server  # type: ignore[assignment]
        site.asked.append(self.path)
        if self.path.startswith("/slow"):
            site.open.wait()
        content = site.content.get(self.path.partition("?")[0])
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Type", TYPES[self.path.partition("?")[0].rpartition(".")[2]])
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_: object) -> None:
        pass


class Site(ThreadingHTTPServer):
    """`content` is by path; what lies below /slow is not sent before `open` is set."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content: dict[str, bytes] = {
            "/a.wav": b"RIFF",
            "/slow.wav": b"RIFF slow",
            "/slow.png": b"PNG slow",
        }
        self.asked: list[str] = []
        self.open = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


def running() -> Iterator[Site]:
    with Site() as site:
        thread = threading.Thread(target=site.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield site
        site.open.set()
        site.shutdown()
        thread.join()

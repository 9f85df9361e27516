"""A site on loopback with pictures, and with what only looks like one."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Page(NamedTuple):
    """What a path answers; a body of None never ends."""

    type: str
    body: bytes | None
    status: int = 200
    location: str = ""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        site: Site = self.server  # type: ignore[assignment]
        page = site.pages.get(self.path, Page("text/plain", b"nothing here", 404))
        self.send_response(page.status)
        self.send_header("Content-Type", page.type)
        if page.location:
            self.send_header("Location", page.location)
        if page.body is not None:
            self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        self.wfile.write(page.body or b"")
        while page.body is None:
            self.wfile.write(bytes(1 << 20))

    def log_message(self, *_: object) -> None:
        pass


class Site(ThreadingHTTPServer):
    def __init__(self, pages: Mapping[str, Page]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages, self.url = dict(pages), f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        pass  # who had enough went away in the middle


def running(pages: Mapping[str, Page]) -> Iterator[Site]:
    with Site(pages) as site:
        thread = threading.Thread(target=site.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield site
        site.shutdown()
        thread.join()

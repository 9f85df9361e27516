"""A small package index on a free port, which counts what it is asked for and can break off."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from workers.starter.index import Index
from workers.starter.models import PackageFile


class Packages(ThreadingHTTPServer):
    """Serves `content` as the one file of the project `tiny`; `asked` lists the Range headers of its downloads."""

    def __init__(self, content: bytes, filename: str = "tiny-1.0-py3-none-any.whl") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.filename = filename
        self.breaks_after: int | None = None
        self.ranges = True
        self.html = False
        self.asked: list[str | None] = []

    @property
    def index(self) -> Index:
        return Index(f"http://127.0.0.1:{self.server_port}/simple")

    def file(self, inside: str = "tiny/") -> PackageFile:
        digest = hashlib.sha256(self.content).hexdigest()
        return PackageFile("tiny", "1.0", self.filename, digest, inside)


class _Handler(BaseHTTPRequestHandler):
    server: Packages

    def do_GET(self) -> None:
        if self.path == "/simple/tiny/":
            self._page()
        elif self.path == f"/files/{self.server.filename}":
            self._file()
        else:
            self.send_error(404)

    def _page(self) -> None:
        link = f"../../files/{self.server.filename}"
        body = f'<a href="{link}#sha256=0">x</a>' if self.server.html else json.dumps({"files": [{"url": link}]})
        kind = "text/html" if self.server.html else "application/vnd.pypi.simple.v1+json"
        self._answer(200, {"Content-Type": kind}, body.encode())

    def _file(self) -> None:
        asked = self.headers["Range"]
        self.server.asked.append(asked)
        content = self.server.content
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.server.ranges else 0
        if start >= len(content):
            self._answer(416, {}, b"")
        else:
            self._answer(206 if start else 200, {}, content[start:], self.server.breaks_after)

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes, cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:cut])

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@contextmanager
def serving(packages: Packages) -> Iterator[Packages]:
    thread = threading.Thread(target=packages.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield packages
    finally:
        packages.shutdown()
        thread.join()
        packages.server_close()


def wheel(members: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()

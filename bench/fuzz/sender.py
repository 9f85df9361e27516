"""Sends bytes and reads what comes back, with an end to all waiting."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from dataclasses import dataclass

from bench.fuzz.request import ID, Request

MOST = 1 << 20  # bytes of an answer that are read
_CODE = re.compile(rb'"code":\s*"(internal_error|engine_error|poison)"')


@dataclass(frozen=True)
class Answer:
    """What came back; `status` is 0 when nothing did."""

    status: int
    seconds: float
    body: bytes = b""
    job: str = ""
    left: bool = False  # we left before it ended
    text: bool = False  # the status owes an error's envelope, and the body is none
    ours: bool = True  # the application answered, and not the server in front of it

    @property
    def code(self) -> str:
        """The error that it tells, in whatever form."""
        if self.status >= 400:
            try:
                error = json.loads(self.body)["error"]
                return str(error["code"] if "code" in error else error["type"])  # which is all that Anthropic tells
            except (ValueError, KeyError, TypeError, RecursionError):
                return ""
        found = _CODE.search(self.body)
        return found[1].decode() if found else ""


class Sender:
    """One client: a connection that is kept as long as the service keeps it."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._socket: socket.socket | None = None

    def close(self) -> None:
        """Leave."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def send(self, request: Request, number: str) -> Answer:
        """Send a request and read its answer; once more on a new connection when the kept one was closed meanwhile."""
        if request.wire is not None or not request.whole:
            self.close()
        kept = self._socket is not None
        answer = self._try(request, number)
        if answer.status == 0 and kept and not answer.left:
            answer = self._try(request, number)
        return answer

    def _try(self, request: Request, number: str) -> Answer:
        began = time.monotonic()
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._address, timeout=10)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self._socket.settimeout(request.patience)
                self._socket.sendall(request.encoded(number))
            except (BrokenPipeError, ConnectionResetError):
                pass  # it may have answered before it had read everything
            return self._read(request, began)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            left = isinstance(error, TimeoutError)
            return Answer(0, time.monotonic() - began, repr(error).encode(), left=left)

    def _read(self, request: Request, began: float) -> Answer:
        assert self._socket is not None
        response = http.client.HTTPResponse(self._socket, method=request.method)
        content, left = b"", False
        try:
            response.begin()
            while len(content) < MOST:
                remaining = began + request.patience - time.monotonic()
                if remaining <= 0:
                    left = True
                    break
                self._socket.settimeout(max(remaining, 0.01))
                piece = response.read1(65536)
                if not piece:
                    break
                content += piece
            else:
                left = True
        except TimeoutError:
            if not response.headers:
                raise
            left = True
        if left or response.will_close or response.status == 101 or not request.whole or request.wire is not None:
            self.close()
        owes = not left and response.status >= 400 and request.method != "HEAD" and response.status != 499
        envelope = response.headers.get_content_type() == "application/json" and b'"error"' in content
        job = response.headers.get("X-Job-ID") or ""
        seconds = time.monotonic() - began
        return Answer(response.status, seconds, content, job, left, owes and not envelope, ID in response.headers)

"""One client's connection: what has come of its next request, and how long its client may take for anything.

A connection belongs to the server's loop until a request's head, and its body if that is small, are here; then to the
thread that answers; then to the loop again. So no thread waits for a client that has not sent its request yet.
"""

from __future__ import annotations

import re
import socket
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from gunicorn.http.body import LengthReader
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.http.parser import RequestParser

from web.http.errors import RequestTimeout

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

HEAD = 64 * 1024  # bytes of a request line and its headers
SMALL = 64 * 1024  # bytes of a body that is awaited before a thread begins
PART = 256 * 1024  # bytes of a larger body that a client's time is for
UNREAD = 256 * 1024  # bytes of a body nobody wanted that are read all the same, to keep the connection
_PIECE = 256 * 1024  # bytes given to the socket at a time
_END = re.compile(rb"\r\n\r\n|(?<!\r)\n")  # of a head; the parser refuses a line that does not end as it must


class Peer(socket.socket):
    """A client's socket: writing waits as long as the client takes something now and then, and shows since when.

    Where nobody may wait (a timeout of 0), what the client does not take at once is `unsent`, and goes before the rest.
    """

    blocked: float | None = None  # monotonic seconds
    unsent = b""

    def sendall(self, data: ReadableBuffer, flags: int = 0, /) -> None:
        """Send it all; TimeoutError when nothing was taken for the socket's timeout, however much went before."""
        with memoryview(self.unsent + data if self.unsent else data).cast("B") as left:
            at = 0
            while at < len(left):
                self.blocked = time.monotonic()
                try:
                    at += self.send(left[at : at + _PIECE], flags)
                except BlockingIOError:
                    break
                finally:
                    self.blocked = None
            self.unsent = bytes(left[at:])

    def sendfile(self, file: IO[bytes], offset: int = 0, count: int | None = None) -> int:  # type: ignore[override]
        """Send `count` bytes of a file from `offset` on, as `sendall` does."""
        sent = 0
        while count is None or sent < count:
            self.blocked = time.monotonic()
            try:
                some = super().sendfile(file, offset + sent, min(_PIECE, _PIECE if count is None else count - sent))
            finally:
                self.blocked = None
            if not some:
                break
            sent += some
        return sent


class Connection:
    """What the loop and the threads know of a client; `deadline` is when it has had its time, in monotonic seconds."""

    def __init__(self, peer: Peer, address: Any, server: Any, cfg: Any, patience: float) -> None:
        self.peer, self.address, self.server, self._cfg, self.patience = peer, address, server, cfg, patience
        self.request: Any = None
        self.deadline = time.monotonic() + cfg.keepalive
        self._parser: Any = None
        self._come = bytearray()  # and not taken by the parser
        self._unwanted = 0  # bytes of the last request's body, still to be dropped
        self._since_renewal = 0

    @property
    def begun(self) -> bool:
        """Whether anything of a next request is here."""
        return bool(self._come) or self.request is not None

    def feed(self, data: bytes) -> None:
        """Take what has come."""
        if not self.begun and not self._unwanted:
            self._renew()
        dropped = min(self._unwanted, len(data))
        self._unwanted -= dropped
        self._come += data[dropped:]

    def ready(self) -> bool:
        """Whether a thread can begin: the head is here, and the body too unless it is large or of unknown length.

        Raises gunicorn's ParseException for bytes that are not a request.
        """
        if self.request is None:
            if _END.search(self._come) is None:
                if len(self._come) > HEAD:
                    raise LimitRequestHeaders(f"the request's headers have more than {HEAD} bytes")
                return False
            self._parser = RequestParser(self._cfg, self, self.address)
            self.request = next(self._parser)
        return not 0 < self._awaited() <= SMALL or self.request._expected_100_continue

    @property
    def receiving(self) -> bool:
        """Whether something of the body is still to come."""
        return self._awaited() > 0

    def _awaited(self) -> int:
        """How many bytes of the body are not here yet; more than any limit where nobody knows."""
        reader = self.request.body.reader
        if not isinstance(reader, LengthReader):
            return 0 if reader.parser is None else 1 << 62
        here = len(self._parser.unreader.buf.getvalue()) + len(self._come)
        return max(0, int(reader.length) - here)

    def recv(self, size: int) -> bytes:
        """The next bytes, as the parser and the application ask for them; RequestTimeout when they take too long."""
        if self._come:
            data = bytes(self._come[:size])
            del self._come[:size]
            return data
        if self.request is None:  # the loop's, which never waits; and a head that is here never gets us here
            return b""
        self.peer.settimeout(max(self.deadline - time.monotonic(), 0.001))
        try:
            data = self.peer.recv(size)
        except TimeoutError:
            raise RequestTimeout(slow(self.patience)) from None
        finally:
            self.peer.settimeout(self.patience)
        self._since_renewal += len(data)
        if self._since_renewal >= PART:
            self._renew()
        return data

    def _renew(self) -> None:
        self.deadline, self._since_renewal = time.monotonic() + self.patience, 0

    def lend(self) -> None:
        """The connection is a thread's now: reading and writing wait for the client, as long as it may take."""
        self.wait(True)
        self._renew()

    def wait(self, patient: bool) -> None:
        """Whether reading and writing wait for the client."""
        timeout = self.patience if patient else 0.0
        if self.peer.gettimeout() != timeout:
            self.peer.settimeout(timeout)

    def reusable(self) -> bool:
        """Whether the connection can go on after this request, at the cost of reading a little that nobody wanted."""
        body = self.request.body
        return not body.failed and self._awaited() <= UNREAD and not self.request.should_close()

    def finish(self) -> None:
        """Be ready for the next request."""
        reader = self.request.body.reader
        come = self._parser.unreader.take_buffered() + bytes(self._come)
        unwanted = int(reader.length) if isinstance(reader, LengthReader) else 0
        self._unwanted = max(0, unwanted - len(come))
        self._come = bytearray(come[unwanted:])
        self.request = self._parser = None
        self.peer.settimeout(0)
        self.deadline = time.monotonic() + (self.patience if self.begun or self._unwanted else self._cfg.keepalive)

    def end(self) -> None:
        """Close it, also when something waits for it."""
        with suppress(OSError):
            self.peer.shutdown(socket.SHUT_RDWR)
        self.peer.close()

    def linger(self, seconds: float) -> None:
        """Say that nothing more comes, and wait a little for the client to read that: a reset would take it away."""
        self.request, self._come = None, bytearray()
        self.deadline = time.monotonic() + seconds
        self.peer.settimeout(0)
        self.peer.shutdown(socket.SHUT_WR)


def slow(patience: float) -> str:
    """What a client is told that took too long."""
    return f"the request did not come within {patience:g} s (MLXQ_CLIENT_TIMEOUT)"

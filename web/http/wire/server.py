"""gunicorn's worker for people's machines: one loop holds all connections, and a request that is here gets a thread.

gunicorn's own threads wait for clients that have not sent their request yet, so a few hundred clients that say nothing,
or very little at a time, leave nobody for the others. Here the loop waits, for as long as each client may take; when
there is no room for another connection, the one that has waited longest is closed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import structlog
from gunicorn.http import wsgi
from gunicorn.http.errors import ParseException
from gunicorn.workers import base
from gunicorn.workers.gthread import PollableMethodQueue

from mlxq import configuration, exit_with_parent
from tasks.values.errors import Failure
from web.http import errors
from web.http.access import capacity
from web.http.wire import streams
from web.http.wire.connection import Connection, Peer, slow
from web.http.wire.streams import Answer, Streams

_LOOK = 1.0  # seconds between looks for connections that have had their time
_REST = 10.0  # seconds between them while there is nobody
_AT_ONCE = 64  # connections that are taken before others are served
_READ = 64 * 1024  # bytes
_UNREAD = 256 * 1024  # bytes that the system keeps for a client that does not read; left alone it takes megabytes
_LINGER, _LINGERED = 2.0, 64 << 20  # seconds and bytes for which a client that was told to go may go on sending
_STOPPING = 2.0  # seconds that idle connections stay open while we stop, as a request may be on its way
_STALLED = 1.0  # seconds without reading after which a client has to make room for another
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
log = structlog.get_logger()


class Worker(base.Worker):
    """The process that serves; all but `_serve`, what that calls, and `_let_go` runs in its main thread."""

    def init_process(self) -> None:
        """Make what must not be shared with the master, and serve until told to stop."""
        settings, _ = configuration.load(os.environ)
        self._patience = settings.client_timeout
        self._selector = selectors.DefaultSelector()
        self._done = PollableMethodQueue()  # what threads leave to the loop
        self._done.init()
        self._threads = ThreadPoolExecutor(self.cfg.worker_connections, "request")
        self._streams = Streams(self._threads)
        self._waiting: dict[Connection, None] = {}  # for the client to ask, the longest first
        self._serving: dict[Connection, None] = {}  # in threads, or by the one of all streams
        self._leaving: dict[Connection, int] = {}  # all is said; how much the client has said since
        self._accepting, self._looked = False, 0.0
        super().init_process()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: end what is under way."""
        self.alive = False
        self._done.defer(lambda: None)  # wakes the loop

    def handle_quit(self, sig: int, frame: Any) -> None:
        """SIGQUIT and SIGINT: go at once."""
        self._threads.shutdown(wait=False)
        super().handle_quit(sig, frame)

    def run(self) -> None:
        """Serve until told to stop or the master is gone, then end what is under way within `graceful_timeout`."""
        self._selector.register(self._done.fileno(), selectors.EVENT_READ, self._done.run_callbacks)
        exit_with_parent.watch_parent()
        self._accept_more(True)
        while self.alive and self.ppid == os.getppid():
            self._turn()
        self.alive, now = False, time.monotonic()
        self._accept_more(False)
        for connection in self._waiting:
            connection.deadline = min(connection.deadline, now + _STOPPING)
        while self._open() and time.monotonic() < now + self.cfg.graceful_timeout:
            self._turn()
        for connection in [*self._waiting, *self._leaving]:
            self._close(connection)
        self._streams.stop()
        self._threads.shutdown(wait=False)
        self._selector.close()
        self._done.close()
        for listener in self.sockets:
            listener.close()

    def _turn(self) -> None:
        self.notify()
        for key, _ in self._selector.select(self._look()):
            try:
                key.data(key.fileobj)
            except Exception:  # concerns this connection alone
                log.exception("a connection could not be served")
                self._drop(key.fileobj)
        now = time.monotonic()
        if now - self._looked >= _LOOK or not self.alive:
            self._looked = now
            self._end_overdue(now)
            self._accept_more(self.alive)

    def _look(self) -> float:
        if not self.alive:
            return _LOOK / 10
        return _LOOK if self._open() or not self._accepting else _REST

    def _drop(self, peer: Any) -> None:
        for connection in [each for each in (*self._waiting, *self._leaving) if each.peer is peer]:
            self._close(connection)

    def _open(self) -> int:
        return len(self._waiting) + len(self._serving) + len(self._leaving)

    def _accept_more(self, wanted: bool) -> None:
        if wanted == self._accepting:
            return
        self._accepting = wanted
        for listener in self.sockets:
            if wanted:
                listener.setblocking(False)
                self._selector.register(listener, selectors.EVENT_READ, self._accept)
            else:
                self._selector.unregister(listener)

    def _accept(self, listener: Any) -> None:
        for _ in range(_AT_ONCE):
            if self._open() >= self.cfg.worker_connections and not self._make_room():
                self._accept_more(False)  # until the next look
                return
            try:
                taken, address = listener.accept()
            except OSError as error:
                if error.errno in _NO_ROOM and not self._make_room():
                    self._accept_more(False)
                return
            peer = Peer(taken.family, taken.type, taken.proto, taken.detach())
            peer.setblocking(False)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNREAD)
            connection = Connection(peer, address, listener.getsockname(), self.cfg, self._patience)
            self._wait(connection)
            self._read(connection, peer)  # what was asked already is not to make room for later ones

    def _make_room(self) -> bool:
        """Close the connection that has waited for its client longest."""
        longest = next(iter(self._leaving or self._waiting), None)
        if longest is None:
            return self._let_go()
        self._close(longest)
        return True

    def _let_go(self) -> bool:
        """End the answer whose client has read nothing for longest, if that is a while; any thread may ask for it."""
        blocked = [(since, each.peer) for each in list(self._serving) if (since := each.peer.blocked) is not None]
        since, peer = min(blocked, key=lambda one: one[0], default=(None, None))
        if peer is None or since is None or time.monotonic() - since < _STALLED:
            return False
        peer.blocked = None
        with contextlib.suppress(OSError):
            peer.shutdown(socket.SHUT_RDWR)  # its thread finds that out
        log.info("a client that read nothing made room for another")
        return True

    def _end_overdue(self, now: float) -> None:
        for connection in [each for each in (*self._waiting, *self._leaving) if each.deadline <= now]:
            if connection in self._waiting and connection.begun:
                self._refuse(connection, Failure(errors.RequestTimeout.code, slow(self._patience)))
            else:
                self._close(connection)

    def _wait(self, connection: Connection) -> None:
        """For the client's next request, or the rest of it."""
        self._waiting[connection] = None
        self._selector.register(connection.peer, selectors.EVENT_READ, partial(self._read, connection))
        self._look_at(connection)

    def _read(self, connection: Connection, peer: Any) -> None:
        if connection not in self._waiting:  # it was closed in this very turn
            return
        try:
            data = peer.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(connection)
            return
        connection.feed(data)
        self._look_at(connection)

    def _look_at(self, connection: Connection) -> None:
        try:
            ready = connection.ready()
        except ParseException as error:
            self._refuse(connection, errors.malformed(error))
        except Exception:
            log.exception("a request could not be read")
            self._close(connection)
        else:
            if ready:
                self._forget(connection)
                self._serving[connection] = None
                self._threads.submit(self._serve, connection)

    def _refuse(self, connection: Connection, failure: Failure) -> None:
        """Answer what never became a request."""
        with contextlib.suppress(OSError):
            connection.peer.send(errors.raw(failure))
        self._forget(connection)
        self._leave(connection)

    def _forget(self, connection: Connection) -> None:
        with contextlib.suppress(KeyError, ValueError):  # it never came so far
            self._selector.unregister(connection.peer)
        self._waiting.pop(connection, None)
        self._leaving.pop(connection, None)

    def _close(self, connection: Connection) -> None:
        self._forget(connection)
        connection.peer.close()

    def _leave(self, connection: Connection) -> None:
        """Say that nothing more comes, and hear the client out: closing at once could take our answer from it."""
        try:
            connection.linger(_LINGER)
        except OSError:  # it is gone already
            connection.peer.close()
            return
        self._leaving[connection] = 0
        self._selector.register(connection.peer, selectors.EVENT_READ, partial(self._hear_out, connection))

    def _hear_out(self, connection: Connection, peer: Any) -> None:
        if connection not in self._leaving:
            return
        try:
            received = len(peer.recv(_READ))
        except BlockingIOError:
            return
        except OSError:
            received = 0
        self._leaving[connection] += received
        if not received or self._leaving[connection] > _LINGERED:
            self._close(connection)

    def _serve(self, connection: Connection) -> None:
        """Answer a request, in a thread of its own for as long as there is something to say, and take it back."""
        ended = partial(self._done.defer, self._served, connection)
        Answer(connection, self._streams, ended).begin(partial(self._respond, connection))

    def _respond(self, connection: Connection, answer: Answer) -> tuple[Any, Iterable[bytes]]:
        """What the application says to a request."""
        response, environ = wsgi.create(
            connection.request, connection.peer, connection.address, connection.server, self.cfg
        )
        environ["wsgi.multithread"] = True
        environ[capacity.RECEIVING], environ[capacity.LET_GO] = connection.receiving, self._let_go
        environ[streams.ANSWER] = answer

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if not self.alive or not connection.reusable():
                response.force_close()
            return response.start_response(status, headers, exc_info)

        return response, self.wsgi(environ, start)

    def _served(self, connection: Connection, keep_alive: bool) -> None:
        del self._serving[connection]
        if not keep_alive:
            self._leave(connection)
            return
        try:
            connection.finish()
        except OSError:  # its socket is closed
            self._leave(connection)
        else:
            self._wait(connection)

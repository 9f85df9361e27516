"""Answers on their way to their clients: one that waits for what comes next has no thread.

A body that yields b"" has nothing more for now. Before, it has taken its `Answer` out of the WSGI environment and asked
it to be resumable; it calls it when there is more, and the thread that calls, which reads the events of all, writes it.
Only what may take long has a thread of its own: a body's beginning and end, a look after silence, and a client that
does not read.
"""

from __future__ import annotations

import contextvars
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from typing import Any

import structlog
from gunicorn.http.errors import ParseException
from gunicorn.http.wsgi import FileWrapper

from tasks.processes.loops import Loop
from web.http import errors
from web.http.wire.connection import Connection

ANSWER = "mlxq.answer"  # in the WSGI environment
_SILENCE = 2.0  # seconds without a word after which a body is asked once more
log = structlog.get_logger()


class Answer:
    """One answer. Any thread may have it go on; one at a time does, for as long as there is something to write."""

    def __init__(self, connection: Connection, streams: Streams, ended: Callable[[bool], object]) -> None:
        """`ended` is told, once, whether the connection can be used again."""
        self._connection, self._streams, self._ended = connection, streams, ended
        self._context = contextvars.copy_context()
        self._response: Any = None
        self._body: Iterable[bytes] = ()
        self._pieces: Iterator[bytes] = iter(())
        self._writing = threading.Lock()
        self._called = self._over = self._broken = self._gone = False
        self._resumable = False
        self.spoke = 0.0  # monotonic seconds

    def begin(self, respond: Callable[[Answer], tuple[Any, Iterable[bytes]]]) -> None:
        """Have the application respond, and write what it says, in this thread."""
        with self._writing:
            self._context.run(self._begin, respond)
        self.go_on(patient=True)

    def _begin(self, respond: Callable[[Answer], tuple[Any, Iterable[bytes]]]) -> None:
        with self._surviving():
            self._connection.lend()
            try:
                self._response, self._body = respond(self)
            except ParseException as error:  # a trusted proxy's path that is not below its own prefix
                self._connection.peer.sendall(errors.raw(errors.malformed(error)))
                self._over = self._broken = True
                return
            if isinstance(self._body, FileWrapper):
                self._response.write_file(self._body)
            else:
                self._pieces = iter(self._body)

    def resume(self) -> Answer:
        """Take b"" for a pause from now on, which ends when it is called, or looked at."""
        self._resumable = True
        return self

    def wake(self) -> None:
        """There is more to write, here and now unless that may take long."""
        self.go_on(patient=False)

    def look(self) -> None:
        """There may be more, which may take a while to find out."""
        with suppress(RuntimeError):  # the process ends
            self._streams.threads.submit(self.go_on, patient=True)

    def go_on(self, *, patient: bool) -> None:
        """Write what there is; unless `patient`, what may take long is left to another thread."""
        self._called = True
        while self._called and self._writing.acquire(blocking=False):
            self._called, left = False, False
            try:
                left = not self._gone and self._context.run(self._write, patient)
            finally:
                self._writing.release()
            if left:
                self.look()
                return

    def _write(self, patient: bool) -> bool:
        """Whether something is left that may take long."""
        peer = self._connection.peer
        self.spoke = time.monotonic()
        with self._surviving():
            self._connection.wait(patient)
            while not self._over:
                if peer.unsent:
                    if not patient:
                        return True
                    peer.sendall(b"")
                piece = next(self._pieces, None)
                if piece:
                    self._response.write(piece)
                elif piece is None:
                    self._over = True
                elif self._resumable:
                    self._streams.keep(self)
                    return False
        if patient:
            self._end()
        return not patient

    def _end(self) -> None:
        with self._surviving():
            if not self._broken:
                self._response.close()
        with self._surviving():
            if hasattr(self._body, "close"):
                self._body.close()
        self._gone = True
        self._streams.forget(self)
        self._ended(not self._broken and not self._response.should_close())

    @contextmanager
    def _surviving(self) -> Iterator[None]:
        """Have an answer that breaks off end in order."""
        try:
            yield
        except StopIteration:  # it was a websocket, and is over; who reads it for us would close what the loop holds
            self._connection.end()
        except TimeoutError:
            log.info("a client that read nothing was let go", seconds=self._connection.patience)
        except OSError as error:
            log.debug("a client went away", error=str(error))
        except Exception:
            log.exception("an answer broke off")
        else:
            return
        self._over = self._broken = True


class Streams:
    """The thread that looks after answers which are silent for a while; `threads` are for what may take long."""

    def __init__(self, threads: Executor) -> None:
        self.threads = threads
        self._kept: queue.SimpleQueue[None] = queue.SimpleQueue()  # one for each that is newly looked at
        self._waiting: set[Answer] = set()
        self._looked = time.monotonic()
        self._loop = Loop("streams", self._turn).start()

    def keep(self, answer: Answer) -> None:
        """Look at an answer now and then from now on."""
        if answer not in self._waiting:
            self._waiting.add(answer)
            self._kept.put(None)

    def forget(self, answer: Answer) -> None:
        """Look at it no more."""
        self._waiting.discard(answer)

    def stop(self) -> None:
        """Look at none any more."""
        self._loop.stop(0)

    def _turn(self) -> None:
        with suppress(queue.Empty):
            self._kept.get(timeout=_SILENCE if self._waiting else None)
        now = time.monotonic()
        if now - self._looked > _SILENCE:
            self._looked = now
            for answer in list(self._waiting):
                if now - answer.spoke > _SILENCE:
                    answer.look()

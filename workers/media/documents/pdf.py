"""PDFs that somebody sent: their pages counted, read or drawn by a process with limits of time and memory."""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from tasks.values.errors import InvalidValue
from workers.media.documents.pdf_reader import REFUSED, SECONDS
from workers.serving.check_deadline import ENDLESS, EVERY, CheckDeadline

_PROGRAM = Path(__file__).with_name("pdf_reader.py")
_HEADER = struct.Struct(">II")  # a page's width and height in pixels
_CHUNK = 1 << 20
HEAD = 1024  # bytes, among which a PDF says that it is one
_AT_ONCE = threading.Semaphore(2)  # processes


def is_pdf(head: bytes) -> bool:
    """Whether a file that begins so is a PDF."""
    return b"%PDF-" in head[:HEAD]


def count(file: BinaryIO, param: str, most: int, deadline: CheckDeadline = ENDLESS) -> int:
    """How many pages a PDF has, of at most `most`; InvalidValue of `param` says why it is refused.

    This and what follows raise JobCancelled when nobody wants it any more.
    """
    with _reading(file, param, deadline, most, "count") as output:
        return int(output.rest())


def text(file: BinaryIO, param: str, most: int, longest: int, deadline: CheckDeadline = ENDLESS) -> str:
    """The text of a PDF of at most `most` pages; above `longest` characters, not much more than these.

    InvalidValue of `param` says why it is refused.
    """
    with _reading(file, param, deadline, most, "text", longest) as output:
        return output.rest().decode()


def drawn(
    file: BinaryIO, param: str, most: int, side: int, pixels: int, deadline: CheckDeadline = ENDLESS
) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Each page of a PDF: its size (width, height), and its pixels in RGB, row after row.

    No side is longer than `side`, and no page has more than `pixels` pixels. InvalidValue of `param` says why it is
    refused.
    """
    with _reading(file, param, deadline, most, "draw", side, pixels) as output:
        while header := output.take(_HEADER.size):
            width, height = _HEADER.unpack(header)
            yield (width, height), output.take(3 * width * height)


class _Output:
    """What a process writes, as long as somebody wants it; raises InvalidValue of `param` when the process fails."""

    def __init__(self, process: subprocess.Popen[bytes], param: str, deadline: CheckDeadline) -> None:
        self._process, self._param, self._deadline = process, param, deadline
        self._unread = bytearray()
        self._selector = selectors.DefaultSelector()
        assert process.stdout is not None  # noqa: S101  (it is a pipe)
        self._pipe = process.stdout.fileno()
        self._selector.register(self._pipe, selectors.EVENT_READ)

    def close(self) -> None:
        """Wait for nothing more."""
        self._selector.close()

    def rest(self) -> bytes:
        """All that it will write."""
        while self._more():
            pass
        return self._taken(len(self._unread))

    def take(self, size: int) -> bytes:
        """The next bytes; none at the end."""
        while len(self._unread) < size and self._more():
            pass
        return self._taken(size)

    def _taken(self, size: int) -> bytes:
        taken = bytes(self._unread[:size])
        del self._unread[:size]
        return taken

    def _more(self) -> bool:
        """Read on; False when the process has done all that it was asked for."""
        while not self._selector.select(EVERY):
            self._deadline.look()
        self._deadline.look()
        chunk = os.read(self._pipe, _CHUNK)
        self._unread += chunk
        if not chunk:
            self._check(self._process.wait())
        return bool(chunk)

    def _check(self, code: int) -> None:
        if code == 0:
            return
        why = f"the PDF cannot be read: it takes more than {SECONDS} seconds of computing"
        if code == REFUSED:
            assert self._process.stderr is not None  # noqa: S101  (it is a pipe)
            why = self._process.stderr.read().decode().strip()
        elif code != -signal.SIGXCPU:
            why = "the PDF cannot be read: it breaks what reads it, or needs too much memory"
        raise InvalidValue(why, param=self._param)


@contextmanager
def _reading(file: BinaryIO, param: str, deadline: CheckDeadline, *arguments: object) -> Iterator[_Output]:
    """Run the program on a file; what it was not asked for any more is left undone."""
    command = [sys.executable, "-I", str(_PROGRAM), *map(str, arguments)]
    pipe = subprocess.PIPE
    # It needs to know nothing of this one: neither its environment nor its files.
    with (
        deadline.holding(_AT_ONCE),
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env={}) as process,
    ):
        output = _Output(process, param, deadline)
        try:
            assert process.stdin is not None  # noqa: S101  (it is a pipe)
            with suppress(BrokenPipeError):  # why it did not read on is known when it has ended
                shutil.copyfileobj(file, process.stdin)
                process.stdin.close()
            yield output
        finally:
            process.kill()
            output.close()

"""Ogg files in which one stream follows another, as radio recordings have them: libav reads the first only.

Source: RFC 3533, sections 4 and 6.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import BinaryIO

_CAPTURE = b"OggS"
_HEADER = 27  # bytes of a page before its segment table, whose length is the last of them
_TYPE = 5  # where the flags stand
_BEGINS = 2  # the flag of the first page of a stream


class Section(io.RawIOBase):
    """The bytes of a file from `start` up to `end`, as a file of its own."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        self._file, self._start, self._end = file, start, end
        self._at = start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._end - self._at)
        self._file.seek(self._at)
        data = self._file.read(left if size < 0 else min(size, left))
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: self._start, os.SEEK_CUR: self._at, os.SEEK_END: self._end}[whence]
        self._at = max(self._start, origin + offset)
        return self._at - self._start

    def tell(self) -> int:
        return self._at - self._start


def sections(file: BinaryIO) -> list[Section]:
    """The file in the parts that can be read alone: its links where it is an Ogg file, else the whole of it."""
    size = file.seek(0, os.SEEK_END)
    starts = list(_links(file, size)) or [0]
    return [Section(file, start, end) for start, end in zip(starts, [*starts[1:], size], strict=True)]


def _links(file: BinaryIO, size: int) -> Iterator[int]:
    """Where streams begin behind others; a file may hold several that begin together."""
    at, beginning = 0, False
    while at < size:
        file.seek(at)
        header = file.read(_HEADER)
        if len(header) < _HEADER or header[:4] != _CAPTURE:
            return
        begins = bool(header[_TYPE] & _BEGINS)
        if begins and not beginning:
            yield at
        beginning = begins
        segments = file.read(header[-1])
        at += _HEADER + len(segments) + sum(segments)

"""The lines of a batch's input, read from where they stand, a few at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tasks.batches.batches import Cursor
from tasks.batches.lines import Place

_BOM = b"\xef\xbb\xbf"  # what some editors put at the start of a file
CUT = "the input file is shorter than it was"


class FileLost(Exception):
    """A batch's input is gone, or its output is shorter than what was written: somebody deleted or cut it."""


class Request(msgspec.Struct):
    """A line of the input; a field is checked where it is needed, and the body is left as it is."""

    custom_id: Any = None
    method: Any = None
    url: Any = None
    body: msgspec.Raw = msgspec.Raw()


class Body(msgspec.Struct):
    """What is read of a line's body before it is checked."""

    model: Any = None


class Line(NamedTuple):
    """A line's number, counted from 1, its place, and its bytes; `complete` is False when it is longer than allowed."""

    number: int
    place: Place
    data: bytes
    complete: bool = True

    @property
    def after(self) -> Cursor:
        """Where the next line begins."""
        return Cursor(self.number, self.place.offset + self.place.length)

    def model(self) -> str | None:
        """The model that the line's body names, if it can be read."""
        with suppress(ValueError, msgspec.DecodeError, RecursionError):
            named = msgspec.json.decode(self.request().body, type=Body).model
            return named if isinstance(named, str) else None
        return None

    def request(self) -> Request:
        """The line's call; ValueError says why there is none."""
        try:
            return msgspec.json.decode(self.data, type=Request)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(str(error)) from None


def lines(path: Path, start: Cursor, longest: int) -> Iterator[Line]:
    """The lines from a cursor on, blank ones included; of one longer than `longest` bytes only the beginning."""
    number, offset = start
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise FileLost("the input file's bytes are gone") from None
    with file:
        file.seek(offset)
        while data := file.readline(longest + 1):
            number += 1
            complete = len(data) <= longest or data.endswith(b"\n")
            content = data.removeprefix(_BOM) if offset == 0 else data
            yield Line(number, Place(offset, len(data)), content.strip(), complete)
            offset += len(data)


def stretch(path: Path, start: Cursor, longest: int, most: int, size: int) -> list[Line]:
    """Up to `most` lines from a cursor on, about `size` bytes in all; FileLost when there are none."""
    taken: list[Line] = []
    for line in itertools.islice(lines(path, start, longest), most):
        taken.append(line)
        if line.after.offset - start.offset > size:
            break
    if not taken:
        raise FileLost(CUT)
    return taken


def line(path: Path, number: int, place: Place) -> Line:
    """The line that stands at a place; FileLost when there is none."""
    for first in lines(path, Cursor(number - 1, place.offset), place.length):
        return first
    raise FileLost(CUT)

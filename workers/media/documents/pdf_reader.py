"""`python pdf_reader.py PAGES count | text LONGEST | draw SIDE PIXELS`: what the PDF on standard input holds.

`count` writes its number of pages, `text` their text in UTF-8, which ends soon after LONGEST characters, and `draw`
each page as its width and height (32 bits each, big-endian) and its pixels in RGB: no side longer than SIDE, and no
more than PIXELS of them. Exit code 3 with a sentence on standard error for what is refused, as more than PAGES pages.

PDFs come from anybody, so this is a program of its own: one that breaks the library, or wants more time or memory than
there is for it, ends this process and nothing else. It imports nothing of ours, so that it starts in no time.
"""

from __future__ import annotations

import math
import re
import resource
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

SECONDS = 10  # of computing
MEMORY_BYTES = 1 << 30
REFUSED = 3
_ENCRYPTED = 4  # FPDF_ERR_PASSWORD
_FINEST = 300 / 72  # pixels of a point, of which an inch has 72: no page is drawn finer
_LARGEST = 1_000_000.0  # points of a page's side
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class Refused(Exception):
    """Why a PDF is not read."""


def bound() -> None:
    """Let this process take no more than it needs, as far as the system can hold it to that."""
    limits = {
        resource.RLIMIT_CPU: SECONDS,
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for limit, most in limits.items():
        with suppress(ValueError, OSError):  # macOS knows no limit of memory
            resource.setrlimit(limit, (most, most + 1))  # the soft one is told from being killed


def opened(data: bytes, most: int) -> Any:
    """The document, of at most `most` pages."""
    import pypdfium2  # here, so that it is loaded into no other process, whichever asks for the limits above

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == _ENCRYPTED:
            raise Refused("the PDF is encrypted and needs a password; send it without") from None
        raise Refused("the file begins like a PDF, but is broken") from None
    if not 0 < len(document) <= most:
        raise Refused(f"the PDF has {len(document)} pages; at most {most} are taken" if document else "it has no pages")
    return document


def text(document: Any, longest: int) -> Iterator[str]:
    """The text of the pages, as paragraphs; no page more once it is longer than asked for."""
    length = 0
    for number in range(len(document)):
        written = _CONTROLS.sub("", _page(document, number).get_textpage().get_text_bounded().replace("\r\n", "\n"))
        if written := written.strip():
            yield f"\n\n{written}" if length else written
            length += len(written)
        if length > longest:
            return


def draw(document: Any, side: int, pixels: int) -> Iterator[bytes]:
    """Each page: its size, then its rows."""
    with suppress(RuntimeError):  # what is filled in is shown, if it can be
        document.init_forms()
    for number in range(len(document)):
        page = _page(document, number)
        width, height = page.get_size()
        bitmap = page.render(scale=_scale(width, height, side, pixels), rev_byteorder=True)
        rows = memoryview(bitmap.buffer).cast("B")
        yield struct.pack(">II", bitmap.width, bitmap.height)
        for row in range(bitmap.height):
            yield bytes(rows[row * bitmap.stride :][: 3 * bitmap.width])


def _page(document: Any, number: int) -> Any:
    try:
        return document[number]
    except RuntimeError:  # which the library's own error is
        raise Refused(f"page {number + 1} of the PDF is broken") from None


def _scale(width: float, height: float, side: int, pixels: int) -> float:
    if not (0 < width < _LARGEST and 0 < height < _LARGEST):
        raise Refused(f"a page of the PDF is {width:g} by {height:g} points large")
    # Sizes are rounded up.
    return min((side - 1) / max(width, height), math.sqrt(pixels / (width * height)), _FINEST)


def main(arguments: list[str], source: BinaryIO, output: BinaryIO) -> None:
    """Do what the arguments say."""
    most, what, *limits = arguments
    document = opened(source.read(), int(most))
    if what == "count":
        output.write(str(len(document)).encode())
    elif what == "text":
        for piece in text(document, *map(int, limits)):
            output.write(piece.encode())
    else:
        for rows in draw(document, *map(int, limits)):
            output.write(rows)


if __name__ == "__main__":
    bound()
    try:
        main(sys.argv[1:], sys.stdin.buffer, sys.stdout.buffer)
    except Refused as error:
        print(error, file=sys.stderr)  # noqa: T201  (whoever started this reads it there)
        sys.exit(REFUSED)

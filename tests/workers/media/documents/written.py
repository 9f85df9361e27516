"""PDFs written by hand, so that each can be broken in its own way."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

LETTER = (612, 792)
BLACK = b"0 0 300 400 re f"


def pdf(*objects: bytes, trailer: bytes = b"/Root 1 0 R") -> bytes:
    """Numbered objects, their table and a trailer."""
    content, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(content)
    content += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    content += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    content += b"trailer\n<< /Size %d %b >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)
    return bytes(content)


def stream(content: bytes, dictionary: bytes = b"") -> bytes:
    return b"<< /Length %d %b >>\nstream\n%b\nendstream" % (len(content), dictionary, content)


def page(drawing: bytes, size: tuple[float, float] = LETTER, resources: bytes = b"") -> Sequence[bytes]:
    """The objects of a document with a page that draws this."""
    return pages([drawing], size, resources)


def pages(drawings: Sequence[bytes], size: tuple[float, float] = LETTER, resources: bytes = b"") -> Sequence[bytes]:
    """The objects of a document with a page for each of these."""
    kids = b" ".join(b"%d 0 R" % (4 + 2 * number) for number in range(len(drawings)))
    font = b"/Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
    found = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%b] /Count %d >>" % (kids, len(drawings)),
        b"<< %b %b >>" % (font, resources),
    ]
    for number, drawing in enumerate(drawings):
        box = b"[0 0 %g %g]" % size
        found.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox %b /Resources 3 0 R /Contents %d 0 R >>" % (box, 5 + 2 * number)
        )
        found.append(stream(drawing))
    return found


def says(*texts: str) -> bytes:
    """A PDF with a page for each of these texts."""
    return pdf(*pages([b"BT /F 24 Tf 72 700 Td (%b) Tj ET" % text.encode() for text in texts]))


def encrypted() -> bytes:
    """One that no password of ours opens."""
    how = b"<< /Filter /Standard /V 1 /R 2 /O <%b> /U <%b> /P -4 >>" % (b"ab" * 32, b"cd" * 32)
    name = b"/Root 1 0 R /ID [<%b> <%b>] /Encrypt %b" % (b"01" * 16, b"01" * 16, how)
    return pdf(*page(BLACK), trailer=name)


def _looped() -> bytes:
    return pdf(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>")


def _nested(levels: int) -> bytes:
    return pdf(b"<< /Type /Catalog /Pages 2 0 R /Deep %b %b >>" % (b"[" * levels, b"]" * levels))


def _endless() -> bytes:
    """A form that draws itself."""
    form = stream(b"/X Do", b"/Type /XObject /Subtype /Form /BBox [0 0 600 700] /Resources 3 0 R")
    objects = page(b"/X Do", resources=b"/XObject << /X 6 0 R >>")
    return pdf(*objects, form)


def _bomb(megabytes: int) -> bytes:
    """A page whose drawing is a thousand times as long as it was sent."""
    objects = list(page(BLACK))
    objects[4] = stream(zlib.compress(b"0 0 m 600 600 l S\n" * (megabytes * 58_000)), b"/Filter /FlateDecode")
    return pdf(*objects)


def _picture(side: int) -> bytes:
    """A page with a picture that says it is larger than any memory."""
    colours = b"/ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode"
    said = b"/Type /XObject /Subtype /Image /Width %d /Height %d %b" % (side, side, colours)
    objects = page(b"600 0 0 700 0 0 cm /X Do", resources=b"/XObject << /X 6 0 R >>")
    return pdf(*objects, stream(zlib.compress(bytes(1 << 20)), said))


def _tree(count: int) -> bytes:
    return pdf(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count %d >>" % count)


GOOD = says("Good")
# What no reader can take.
BROKEN: Mapping[str, bytes] = {
    "a head and nothing else": b"%PDF-1.7\n",
    "a head and noise": b"%PDF-1.7\n" + bytes(range(256)) * 20,
    "half of it": GOOD[: len(GOOD) // 2 - 100],
    "no catalogue": pdf(b"<< /Type /Font >>"),
    "a catalogue without pages": pdf(b"<< /Type /Catalog >>"),
    "no page": _tree(0),
    "pages that it says it has": _tree(5),
    "more pages than there are numbers": _tree(2_000_000_000),
    "pages that hold themselves": _looped(),
    "lists in lists": _nested(100_000),
    "encrypted": encrypted(),
    "an unknown encryption": pdf(*page(BLACK), trailer=b"/Root 1 0 R /Encrypt << /Filter /Own /V 9 >>"),
}
# What must be read or refused, whichever the library does, and soon.
HOSTILE: Mapping[str, bytes] = {
    "a drawing that draws itself": _endless(),
    "a drawing that unpacks to a hundred times its size": _bomb(1),
    "a picture larger than memory": _picture(60_000),
    "a head behind a head": b"GIF89a\n" + GOOD,
    "no table of objects": GOOD.replace(b"xref", b"xxxx"),
    "a table that points nowhere": GOOD.replace(b"startxref\n", b"startxref\n999999"),
    "a page of no size": pdf(*page(BLACK, (0, 0))),
    "a page as large as a country": pdf(*page(BLACK, (2e9, 2e9))),
    "a line of a page": pdf(*page(BLACK, (600, 0.001))),
}

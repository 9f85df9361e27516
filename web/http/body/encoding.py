"""Bodies that come compressed: gzip and deflate are undone, up to the size that a body may have."""

from __future__ import annotations

import zlib

from werkzeug.datastructures import Headers

from web.http.errors import RequestTooLarge, UnsupportedMediaType

_HEADER = "Content-Encoding"
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # zlib's numbers for what is around the data


def plain(data: bytes, headers: Headers, most: int) -> bytes:
    """A body as it was before it was compressed; RequestTooLarge above `most` bytes, UnsupportedMediaType else."""
    encoding = _encoding(headers)
    if not encoding:
        return data
    if encoding not in _WINDOWS:
        raise UnsupportedMediaType(f"send the body plain or as gzip, not '{encoding}'", param=_HEADER)
    inflater = zlib.decompressobj(_WINDOWS[encoding])
    try:
        decoded = inflater.decompress(data, most + 1)
    except zlib.error as error:
        raise UnsupportedMediaType(f"the body is not {encoding}: {error}", param=_HEADER) from None
    if len(decoded) > most:
        raise RequestTooLarge(f"the body has more than {most} bytes when it is not compressed")
    if not inflater.eof:
        raise UnsupportedMediaType(f"the body is not {encoding}: it ends too early", param=_HEADER)
    return decoded


def refuse(headers: Headers) -> None:
    """UnsupportedMediaType for a body that is compressed, as a form is read while it comes."""
    if encoding := _encoding(headers):
        raise UnsupportedMediaType(f"send a form plain, not as '{encoding}'", param=_HEADER)


def _encoding(headers: Headers) -> str:
    encoding = headers.get(_HEADER, "").strip().lower()
    return "" if encoding == "identity" else encoding

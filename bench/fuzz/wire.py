"""Bytes that are hardly HTTP."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from bench.fuzz.request import NUMBER, Request


def cut(content: bytes, chance: Random) -> bytes:
    """The beginning of it."""
    return content[: chance.randrange(len(content) + 1)]


def flipped(content: bytes, chance: Random) -> bytes:
    """The same with some bytes that are others."""
    found = bytearray(content)
    for _ in range(chance.choice((1, 3, 20))):
        if found:
            found[chance.randrange(len(found))] = chance.randrange(256)
    return bytes(found)


def spoiled(request: Request, chance: Random) -> Request:
    """Bytes that are hardly HTTP: half requests, wrong lengths, chunks of no size, two requests in one."""
    data = request.encoded(NUMBER)
    head, _, content = data.partition(b"\r\n\r\n")
    line, _, rest = head.partition(b"\r\n")
    bare = b"\r\n".join(
        one for one in rest.split(b"\r\n") if not one.lower().startswith((b"content-length", b"transfer-enc"))
    )

    def with_length(length: bytes) -> bytes:
        return line + b"\r\n" + bare + b"\r\nContent-Length: " + length + b"\r\n\r\n" + content

    def chunked(size: bytes, end: bytes = b"0\r\n\r\n", header: bytes = b"chunked") -> bytes:
        start = line + b"\r\n" + bare + b"\r\nTransfer-Encoding: " + header + b"\r\n\r\n"
        return start + size + b"\r\n" + content + b"\r\n" + end

    size = f"{len(content):x}".encode()
    spoiled = chance.choice(
        (
            *(data[: chance.randrange(1, len(data))], head[: chance.randrange(1, len(head))], head, data + data),
            *(
                data * 5,
                data + b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                data + b"\x00\xff",
                flipped(head, chance) + b"\r\n\r\n" + content,
            ),
            *(
                with_length(length)
                for length in (
                    b"0",
                    b"1",
                    b"-1",
                    b"x",
                    b"9" * 30,
                    b"5, 5",
                    b"+5",
                    b"",
                    b"5\r\nContent-Length: 6",
                    b"0x5",
                )
            ),
            *(
                chunked(one)
                for one in (size, b"zz", b"-1", b"", b"f" * 30, size + b";x=y", b"0", b"1", b" " + size, size + b"\x00")
            ),
            *(
                chunked(size, end)
                for end in (b"", b"0\r\nX: y\r\n\r\n", b"0\r\n", b"0\r\n: \r\n\r\n", b"zz\r\n", b"1\r\n")
            ),
            *(
                chunked(size, header=one)
                for one in (b"gzip", b"chunked, chunked", b"identity", b"gzip, chunked", b"xchunked", b"")
            ),
            *(one + b"\r\n" + rest + b"\r\n\r\n" + content for one in _lines(line)),
            *(
                line + b"\r\n" + one + b"\r\n" + rest + b"\r\n\r\n" + content
                for one in (b"A", b": x", b"A B: c", b"A: b\r\n c", b"A\x00: b", b"A: \x00", b"\xff: x", b"A: b\rC: d")
            ),
            *(
                b"\r\n" * 3 + data,
                b"\x16\x03\x01\x02\x00\x01\x00\x01",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + data,
            ),
            data.replace(b"\r\n", b"\n"),
        )
    )
    return replace(request, wire=spoiled, whole=False, patience=0.4)


def _lines(line: bytes) -> tuple[bytes, ...]:
    name, target, version = [*line.split(b" "), b"", b""][:3]
    return (
        *(name + b" " + target, name, b"", b" ", line + b" x", name + b"  " + target + b" " + version),
        *(
            name + b" " + target + b" " + one
            for one in (
                b"HTTP/0.9",
                b"HTTP/1.0",
                b"HTTP/2.0",
                b"HTTP/3",
                b"HTTP/9.9",
                b"HTTX/1.1",
                b"http/1.1",
                b"HTTP/1.1x",
            )
        ),
        *(
            name + b" " + one + b" " + version
            for one in (
                b"*",
                b"//",
                b"http://[/",
                b"http://127.0.0.1/health",
                b"\xff",
                b"/%",
                b"/?" + b"a" * 9000,
                b"?",
                b"#",
                b"/\x00",
                b"127.0.0.1:80",
                b"http://a:b/",
            )
        ),
        *(
            one + b" " + target + b" " + version
            for one in (b"", b"G\x00T", b"g", b"A" * 300, b"CONNECT", b"(", b"\xff")
        ),
    )

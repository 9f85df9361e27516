"""Data URLs are read as browsers read them."""

from __future__ import annotations

import base64
import tracemalloc

import pytest

from web.http.body import data_urls
from web.http.body.data_urls import UNTYPED, is_data_url

# What is written in a URL, its MIME type and its bytes, as the Fetch standard's processor has it.
READ = [
    ("data:,X", UNTYPED, b"X"),
    ("data:,", UNTYPED, b""),
    ("DATA:,X", UNTYPED, b"X"),
    (" \n\x01data:,X \x00", UNTYPED, b"X"),
    ("data:,X#X", UNTYPED, b"X"),
    ("data:,X ?Y #Z", UNTYPED, b"X ?Y "),
    ("data:,%FF", UNTYPED, b"\xff"),
    ("data:,%f%41%zz%", UNTYPED, b"%fA%zz%"),
    ("data:,a\nb\tc\rd", UNTYPED, b"abcd"),
    ("data:text/plain,X", "text/plain", b"X"),
    ("data:text/plain ,X", "text/plain", b"X"),
    ("data:text/plain%20,X", "text/plain%20", b"X"),
    ("data:text/plain\f,X", "text/plain%0c", b"X"),
    ("data:text/plain;,X", "text/plain", b"X"),
    ("data:;x=x;charset=x,X", "text/plain;x=x;charset=x", b"X"),
    ("data:text/plain;Charset=UTF-8,%C2%B1", "text/plain;charset=UTF-8", b"\xc2\xb1"),
    ("data:text/plain,áñçə💩", "text/plain", "áñçə💩".encode()),
    ("data:IMAGE/gif;hi=x,%C2%B1", "image/gif;hi=x", b"\xc2\xb1"),
    ("data: ,%FF", UNTYPED, b"\xff"),
    ("data:\f,%FF", UNTYPED, b"\xff"),
    ("data:text / html,X", UNTYPED, b"X"),
    ("data:†,X", UNTYPED, b"X"),
    ("data:†/†,X", "%e2%80%a0/%e2%80%a0", b"X"),
    ("data:X,X", UNTYPED, b"X"),
    ("data:image/png,X X", "image/png", b"X X"),
    ('data:text/plain;a=",",X', 'text/plain;a=""', b'",X'),
    ("data:text/plain;a=%2C,X", "text/plain;a=%2C", b"X"),
    ("data:;base64;base64,WA", "text/plain", b"X"),
    ("data:x/x;base64;charset=x,WA", "x/x;charset=x", b"WA"),
    ("data:x/x;base64;charset=x;base64,WA", "x/x;charset=x", b"X"),
    ("data:x/x;base64;base64x,WA", "x/x", b"WA"),
    ("data:;base64,W%20A", UNTYPED, b"X"),
    ("data:;base64,W%0CA", UNTYPED, b"X"),
    ("data:x;base64x,WA", UNTYPED, b"WA"),
    ("data:x;base64=x,WA", UNTYPED, b"WA"),
    ("data:;  base64,WA", UNTYPED, b"X"),
    ("data:  ;charset=x   ;  base64,WA", "text/plain;charset=x", b"X"),
    ("data:;base64;,WA", "text/plain", b"WA"),
    ("data:;base64   ,WA", UNTYPED, b"X"),
    ("data:;base 64,WA", "text/plain", b"WA"),
    ("data:;BASe64,WA", UNTYPED, b"X"),
    ("data:;%62ase64,WA", "text/plain", b"WA"),
    ("data:%3Bbase64,WA", UNTYPED, b"WA"),
    ("data:;charset =x,X", "text/plain", b"X"),
    ("data:;charset= x,X", 'text/plain;charset=" x"', b"X"),
    ("data:;charset=,X", "text/plain", b"X"),
    ("data:;charset,X", "text/plain", b"X"),
    ('data:;charset="x",X', "text/plain;charset=x", b"X"),
    ('data:;CHARSET="X"y;a=b,X', "text/plain;charset=X;a=b", b"X"),
    (r'data:;a="\"\x\\",X', r'text/plain;a="\"x\\"', b"X"),
    ("data:a/b;c=d;c=e,X", "a/b;c=d", b"X"),
    ("data:audio/wav;base64,UklG\nRiQA", "audio/wav", b"RIFF$\0"),
    ("data:audio/wav;base64,UklG%0ARiQA", "audio/wav", b"RIFF$\0"),
    ("data:audio/wav;base64,UklGRg%3D%3D", "audio/wav", b"RIFF"),
    ("data:audio/wav;base64,UklGRg==", "audio/wav", b"RIFF"),
    ("data:audio/wav;base64,UklGRg", "audio/wav", b"RIFF"),
    ("data:audio/wav;base64,UklGRh==", "audio/wav", b"RIFF"),  # bits that are left over do not count
    ("data:;base64,%2B%2F+/", UNTYPED, b"\xfb\xff\xbf"),
]


@pytest.mark.parametrize(("url", "kind", "content"), READ)
def test_a_data_url_is_read_as_the_standard_reads_it(url: str, kind: str, content: bytes) -> None:
    assert is_data_url(url)
    assert data_urls.read(url) == (kind, content)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("data:", "no comma"),
        ("data:text/html;charset=x", "no comma"),
        ("data:;base64", "no comma"),
        ("data:#,X", "no comma"),
        ("data:;base64,A", "cut off"),
        ("data:;base64,AAAAA", "cut off"),
        ("data:;base64,AB=", "'='"),
        ("data:;base64,ABCD=", "'='"),
        ("data:;base64,A=BC", "'='"),
        ("data:;base64,AB===", "'='"),
        ("data:;base64,====", "'='"),
        ("data:;base64,-_-_", "'-'"),
        ("data:;base64,%00%00%00%00", "x00"),
        ("data:;base64,áá", "not base64"),
        (f"data:{'a' * 3000},X", "longer than 2000"),
    ],
)
def test_what_is_not_one_says_why(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        data_urls.read(url)


@pytest.mark.parametrize("value", ["dat:,X", "xdata:,X", "http://a.example/data:,X", "/data:,X", "data", "", None, 5])
def test_what_is_another_url_is_none(value: object) -> None:
    assert not is_data_url(value)


def test_wrapped_base64_of_any_length_and_width_is_one_file() -> None:
    for size in (0, 1, 2, 3, 57, 58, 1000):
        content = bytes(number % 251 for number in range(size))
        assert data_urls.base64(base64.encodebytes(content)) == content
        assert data_urls.base64(base64.b64encode(content).rstrip(b"=")) == content


def test_escapes_are_undone_wherever_a_long_text_is_cut() -> None:
    for before in range(4):
        content = b"x" * before + bytes(range(256)) * 1024
        url = "data:," + "x" * before + "".join(f"%{byte:02x}" for byte in range(256)) * 1024
        assert data_urls.read(url).content == content


def test_escapes_take_little_memory() -> None:
    url = "data:," + "%41" * 1_000_000
    tracemalloc.start()
    assert data_urls.read(url).content == b"A" * 1_000_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 24 << 20

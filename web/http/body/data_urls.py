"""Data URLs, read as the Fetch standard's data: URL processor reads them (https://fetch.spec.whatwg.org/#data-urls)."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Iterator
from typing import NamedTuple, TypeGuard
from urllib.parse import quote, unquote_to_bytes

UNTYPED = "text/plain;charset=US-ASCII"
LONGEST_TYPE = 2_000  # characters before the comma
_SCHEME = re.compile(r"[\x00-\x20]*data:", re.IGNORECASE)
_EDGES = "".join(map(chr, range(0x21)))  # control characters and the space, which no URL begins or ends with
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
_BLANKS = b"\t\n\f\r "
_BASE64 = re.compile(r"; *base64\Z", re.IGNORECASE)
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_AT_ONCE = 1 << 16  # bytes whose escapes are undone together

# MIME types: https://mimesniff.spec.whatwg.org/#parsing-a-mime-type
_SPACE = "\t\n\r "
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NAME = re.compile(r"[\t\n\r ]*([^;=]*)([;=]?)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*\\?)(?:"|\Z)[^;]*;?', re.DOTALL)
_PLAIN = re.compile(r"([^;]*);?")
_TEXT = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class DataUrl(NamedTuple):
    """What a data URL holds: a MIME type, written as the standard writes it, and bytes."""

    type: str
    content: bytes


def is_data_url(value: object) -> TypeGuard[str]:
    """Whether this is a URL whose scheme is `data`."""
    return isinstance(value, str) and _SCHEME.match(value) is not None


def read(url: str) -> DataUrl:
    """The type and the bytes of a data URL; raises ValueError, which says what is wrong with it."""
    scheme = _SCHEME.match(url)
    if scheme is None:
        raise ValueError("it does not begin with 'data:'")
    body = url[scheme.end() :].rstrip(_EDGES).partition("#")[0]
    for taken_out in "\t\n\r":
        body = body.replace(taken_out, "")
    head, comma, tail = body.partition(",")
    if not comma:
        raise ValueError("it has no comma")
    if len(head) > LONGEST_TYPE:
        raise ValueError(f"its media type is longer than {LONGEST_TYPE} characters")
    content, kind = _unescaped(tail), quote(head, safe=_PRINTABLE).strip(" ")
    if encoded := _BASE64.search(kind):
        content, kind = base64(content), kind[: encoded.start()]
    return DataUrl(mime_type(f"text/plain{kind}" if kind.startswith(";") else kind) or UNTYPED, content)


def base64(data: bytes) -> bytes:
    """Base64 decoded as forgivingly as the Infra standard does (https://infra.spec.whatwg.org/#forgiving-base64).

    White space does not count and padding may be missing; raises ValueError for what is not base64.
    """
    data = data.translate(None, _BLANKS)
    if len(data) % 4 == 0:
        data = data[:-2] + data[-2:].rstrip(b"=")
    if others := data.translate(None, _ALPHABET):
        raise ValueError(f"it holds {chr(others[0])!r}, which is not base64")
    if len(data) % 4 == 1:
        raise ValueError("its base64 is cut off")
    return a2b_base64(data + b"=" * (-len(data) % 4))


def mime_type(text: str) -> str | None:
    """A MIME type as the standard parses and writes it, with its parameters; None for what is not one."""
    kind, _, remainder = text.strip(_SPACE).partition("/")
    subtype, _, remainder = remainder.partition(";")
    subtype = subtype.rstrip(_SPACE)
    if not (_TOKEN.fullmatch(kind) and _TOKEN.fullmatch(subtype)):
        return None
    parameters: dict[str, str] = {}
    for name, value in _parameters(remainder):
        if _TOKEN.fullmatch(name) and _TEXT.fullmatch(value):
            parameters.setdefault(name, value)
    return f"{kind}/{subtype}".lower() + "".join(f";{name}={_written(value)}" for name, value in parameters.items())


def _unescaped(text: str) -> bytes:
    """The bytes that a text stands for: %41 is an A, and all but escapes stand for themselves."""
    data = text.encode()
    if b"%" not in data:
        return data
    content, start = bytearray(), 0
    while start < len(data):
        end = start + _AT_ONCE
        cut = data.rfind(b"%", end - 2, end)  # an escape is not cut in two
        end = end if cut < 0 or end >= len(data) else cut
        content += unquote_to_bytes(data[start:end])
        start = end
    return bytes(content)


def _parameters(text: str) -> Iterator[tuple[str, str]]:
    """The parameters behind a MIME type's first semicolon, names in lower case."""
    at = 0
    while at < len(text) and (name := _NAME.match(text, at)):
        at = name.end()
        if name[2] != "=":
            continue
        if quoted := _QUOTED.match(text, at):
            at = quoted.end()
            yield name[1].lower(), re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL)
        elif plain := _PLAIN.match(text, at):
            at = plain.end()
            if value := plain[1].rstrip(_SPACE):
                yield name[1].lower(), value


def _written(value: str) -> str:
    if _TOKEN.fullmatch(value):
        return value
    escaped = re.sub(r'(["\\])', r"\\\1", value)
    return f'"{escaped}"'

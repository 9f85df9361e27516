"""A request as its parts, so that it can be changed and shrunk, and as the bytes that are sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from bench.fuzz import values

BOUNDARY = "fuzz-boundary"
ID = "X-Request-ID"
NUMBER = "fuzz-number"  # stands for the request's id in bytes that are made before it is known
ADMIN = "fuzz-0123456789abcdef"  # the admin key of the stack: it may ask for everything


@dataclass(frozen=True)
class Part:
    """One field of a form, or one upload."""

    name: str
    content: bytes
    filename: str | None = None
    type: str | None = None
    head: bytes | None = None  # instead of the headers that the others give

    def encoded(self) -> bytes:
        """Its headers and what it holds."""
        if self.head is not None:
            return self.head + b"\r\n\r\n" + self.content
        said = f'Content-Disposition: form-data; name="{self.name}"'
        said += f'; filename="{self.filename}"' if self.filename is not None else ""
        said += f"\r\nContent-Type: {self.type}" if self.type is not None else ""
        return said.encode("utf-8", "surrogatepass") + b"\r\n\r\n" + self.content


@dataclass(frozen=True)
class Form:
    """A multipart body."""

    parts: tuple[Part, ...]

    def encoded(self) -> bytes:
        """All parts between their boundaries."""
        mark = b"--" + BOUNDARY.encode()
        return b"".join(mark + b"\r\n" + part.encoded() + b"\r\n" for part in self.parts) + mark + b"--\r\n"


@dataclass(frozen=True)
class Json:
    """A JSON body, possibly with what JSON has no value for."""

    value: Any

    def encoded(self) -> bytes:
        """Its text."""
        return values.text(self.value).encode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class Request:
    """One request of `route`, a rule of the application's URL map.

    `wire` is what is sent instead of all the rest. `whole` says that the service owes it an answer, and `patience` is
    the seconds after which we leave.
    """

    route: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: Json | Form | bytes | None = None
    wire: bytes | None = None
    whole: bool = True
    patience: float = 60.0

    def with_header(self, name: str, value: str) -> Request:
        """The same with this header in place of others of its name."""
        kept = tuple(one for one in self.headers if one[0].lower() != name.lower())
        return replace(self, headers=(*kept, (name, value)))

    def content(self) -> bytes:
        """The body's bytes."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body or b""
        return self.body.encoded()

    def encoded(self, number: str) -> bytes:
        """What goes over the wire, with the request's id among its headers."""
        if self.wire is not None:
            return self.wire.replace(NUMBER.encode(), number.encode())
        content = self.content()
        target = self.path + ("?" + urlencode(self.query, errors="surrogatepass") if self.query else "")
        given = {name.lower() for name, _ in self.headers}
        implied = [(ID, number)] if ID.lower() not in given else []
        implied += [("Host", "127.0.0.1")] if "host" not in given else []
        implied += [("Authorization", f"Bearer {ADMIN}")] if "authorization" not in given else []
        if self.body is not None and not given & {"content-length", "transfer-encoding"}:
            implied.append(("Content-Length", str(len(content))))
        if self.body is not None and "content-type" not in given:
            kind = f"multipart/form-data; boundary={BOUNDARY}" if isinstance(self.body, Form) else "application/json"
            implied.append(("Content-Type", kind))
        head = [f"{self.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in (*implied, *self.headers))]
        return b"\r\n".join(map(_bytes, head)) + b"\r\n\r\n" + content


def _bytes(line: str) -> bytes:
    try:
        return line.encode("latin-1")
    except UnicodeEncodeError:
        return line.encode("utf-8", "surrogatepass")


def escaped(piece: str) -> str:
    """A piece of a path, as it must be written there."""
    return quote(piece, safe="")

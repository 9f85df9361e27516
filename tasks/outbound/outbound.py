"""Calls to addresses that a client named: never to this machine or its network, unless that is allowed.

A name is resolved once, every address that it has is checked, and the connection goes to a checked address, so a name
that changes its address in between changes nothing. TLS is verified for the name. Each call has one time limit from the
first look at the name to the last byte.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from tasks.stored.blobs import BlobTooLarge
from tasks.values.errors import FetchFailed, InvalidValue

# Imported by those that call out, as most processes never do.
if TYPE_CHECKING:
    import httpcore
    import httpx

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver: TypeAlias = Callable[[str, int], Sequence[str]]
LONGEST_URL = 2048  # characters
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")  # all of IPv6 that is given out; Python takes the rest for global too
_EXAMPLES = ipaddress.ip_network("3fff::/20")
_AGENT = b"mlxq"
_LABEL = rb"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rb"(?=.{1,254}\Z)(%b\.)*%b\.?" % (_LABEL, _LABEL), re.IGNORECASE)


class AddressRefused(InvalidValue):
    """The address is not one that this server calls."""


class Fetched(NamedTuple):
    """What a URL gave: where it was in the end, its media type in lower case, and its size in bytes."""

    url: str
    type: str
    size: int


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as the system gives them; OSError when it has none."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in addresses))


class Sink(Protocol):
    """What takes bytes as they come."""

    def write(self, data: bytes, /) -> object:
        """Append."""


@dataclass(frozen=True)
class Outbound:
    """Calls out, to public addresses or, with `allow_private`, to any."""

    allow_private: bool = False
    resolver: Resolver = resolve

    def vet(self, url: str, param: str | None = None) -> httpx.URL:
        """A URL that may be called as far as can be said without resolving its name; InvalidValue names `param`."""
        import httpx

        try:
            parsed = httpx.URL(url)
            host, port = parsed.host, parsed.port  # it reads the name only now
        except (httpx.InvalidURL, ValueError) as error:
            raise InvalidValue(f"this is not a URL: {error}", param=param) from None
        if parsed.scheme not in ("http", "https") or not host or len(url) > LONGEST_URL:
            raise InvalidValue(f"a URL must be http or https, with at most {LONGEST_URL} characters", param=param)
        if not (":" in host or _NAME.fullmatch(parsed.raw_host)) or not 0 < (80 if port is None else port) < 65_536:
            raise InvalidValue(f"this is not a URL: '{host}' cannot be a host, or its port cannot be one", param=param)
        if parsed.userinfo:
            raise InvalidValue("a URL must not hold a user or password", param=param)
        try:
            literal = ipaddress.ip_address(host)
        except ValueError:
            if host.rstrip(".") == "localhost" and not self.allow_private:
                raise _refusal(host, param) from None
        else:
            self._check(host, [literal], param)
        return parsed

    def fetch(
        self,
        url: str,
        into: Sink,
        *,
        limit_bytes: int,
        timeout: float,
        redirects: int = 3,
        types: Iterable[str] = (),
        param: str | None = None,
    ) -> Fetched:
        """Write what a URL gives to a file, following `redirects` at most, each checked like the first.

        `types` are the media types to take, a whole one or its beginning (`image/`); all when empty. Raises
        InvalidValue for a URL or a type that is not taken, BlobTooLarge, FetchFailed for what went wrong elsewhere.
        """
        import httpx

        until, at, wanted = time.monotonic() + timeout, self.vet(url, param), tuple(types)
        for _ in range(redirects + 1):
            with self._call("GET", at, until, param=param) as response:
                if response.status not in _REDIRECTS:
                    return _take(response, str(at), into, limit_bytes, wanted, param)
                target = _header(response, b"location")
            try:
                at = self.vet(str(at.join(target)), param)
            except httpx.InvalidURL:
                raise FetchFailed(f"'{at.host}' redirects to something that is not a URL", param=param) from None
        raise FetchFailed(f"'{url}' redirects more than {redirects} times", param=param)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> int:
        """Send a body once; the status of the answer, whose own body is not read. Redirects are not followed.

        Raises InvalidValue for a URL that is not called, FetchFailed when there was no answer.
        """
        sent = [(name.encode(), value.encode()) for name, value in headers.items()]
        with self._call("POST", self.vet(url), time.monotonic() + timeout, body, sent) as response:
            return int(response.status)

    @contextmanager
    def _call(
        self,
        method: str,
        url: httpx.URL,
        until: float,
        body: bytes | None = None,
        headers: Sequence[tuple[bytes, bytes]] = (),
        param: str | None = None,
    ) -> Iterator[httpcore.Response]:
        import httpcore

        from tasks.outbound import pinned

        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = self._addresses(url.host, url.raw_host.decode(), port, param)
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        all_headers = [(b"host", url.netloc), (b"user-agent", _AGENT), (b"accept-encoding", b"identity"), *headers]
        try:
            with (
                pinned.pool(addresses, until) as pool,
                pool.stream(method, target, headers=all_headers, content=body) as response,
            ):
                yield response
        except httpcore.TimeoutException:
            raise FetchFailed(f"'{url.host}' did not answer in time", param=param) from None
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise FetchFailed(f"the call to '{url.host}' failed: {error}", param=param) from None

    def _addresses(self, host: str, name: str, port: int, param: str | None) -> Sequence[str]:
        try:
            addresses = self.resolver(name, port)
            parsed = [ipaddress.ip_address(address.partition("%")[0]) for address in addresses]
        except (OSError, ValueError):
            parsed = []
        if not parsed:
            raise FetchFailed(f"the name '{host}' has no address", param=param)
        self._check(host, parsed, param)
        return addresses

    def _check(self, host: str, addresses: Iterable[Address], param: str | None) -> None:
        if not self.allow_private and not all(map(public, addresses)):
            raise _refusal(host, param)


def public(address: Address) -> bool:
    """Whether an address is one of the internet's, also when it stands for an older one."""
    if isinstance(address, ipaddress.IPv6Address):
        older = address.ipv4_mapped or address.sixtofour
        if older is None and address in _NAT64:
            older = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if older is not None:
            return public(older)
        if address not in _UNICAST or address in _EXAMPLES:
            return False
    return address.is_global and not address.is_multicast


def _refusal(host: str, param: str | None) -> AddressRefused:
    return AddressRefused(f"'{host}' is an address of this machine or its network, which is not called", param=param)


def _take(
    response: httpcore.Response, url: str, into: Sink, limit: int, types: tuple[str, ...], param: str | None
) -> Fetched:
    if response.status != 200:
        raise FetchFailed(f"'{url}' answered with status {response.status}", param=param)
    if _header(response, b"content-encoding") not in ("", "identity"):
        raise FetchFailed(f"'{url}' answered with an encoding that was not asked for", param=param)
    media_type = _header(response, b"content-type").partition(";")[0].strip().lower()
    if types and not media_type.startswith(types):
        raise InvalidValue(f"'{url}' is of type '{media_type}'; it must be {' or '.join(types)}", param=param)
    too_large = BlobTooLarge(f"'{url}' is larger than {limit} bytes", param=param)
    length = _header(response, b"content-length")
    if length.isdigit() and int(length) > limit:
        raise too_large
    size = 0
    for chunk in response.iter_stream():
        size += len(chunk)
        if size > limit:
            raise too_large
        into.write(chunk)
    return Fetched(url, media_type, size)


def _header(response: httpcore.Response, name: bytes) -> str:
    values = (value for key, value in response.headers if key.lower() == name)
    return next(values, b"").decode("latin-1")

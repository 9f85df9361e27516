"""Whose pages may speak to this server: a browser takes any page's requests to an address of this machine.

A `Host` that is not ours is a page whose own name leads here (DNS rebinding), which may read every answer. An `Origin`
that is not ours is a page that sends and does not read; on a websocket it reads too.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from flask import Flask, request

from mlxq.settings import Settings, loopback
from web.http.errors import HostNotAllowed, OriginNotAllowed

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def host(settings: Settings, given: str) -> bool:
    """Whether a `Host`, with or without a port, is a name of this server."""
    name = _name(given)
    if loopback(name) or _any(settings.allowed_hosts, name):
        return True
    if loopback(settings.host):
        return False
    if name in (settings.host.lower(), socket.gethostname().lower()):
        return True
    # Others may know us by any name. Where no key is asked for, names that a stranger can own are not among them.
    return not settings.allowed_hosts and (bool(settings.api_keys) or _own(name))


def origin(settings: Settings, given: str, host: str) -> bool:
    """Whether pages of an `Origin` may write here: this server's own, those of this machine on it, and named ones."""
    if _any((*settings.allowed_origins, *settings.cors_origins), given.lower()):
        return True
    try:
        parts = urlsplit(given)
        name = _name(parts.netloc)
    except ValueError:
        return False
    if parts.scheme not in ("http", "https"):
        return False
    return parts.netloc.lower() == host.lower() or (loopback(settings.host) and loopback(name))


def _name(given: str) -> str:
    """A host's name or address without its port and brackets."""
    name, colon, port = given.strip().lower().rpartition(":")
    if not colon or not port.isdecimal() or (":" in name and not name.endswith("]")):
        name = given.strip().lower()
    return name.removeprefix("[").removesuffix("]").removesuffix(".")


def _own(name: str) -> bool:
    """Whether nobody can own this name on the internet: an address, a name of one word, or one of this network."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name or name.endswith((".local", ".internal", ".home.arpa"))
    return True


def _any(patterns: Iterable[str], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def register(app: Flask, settings: Settings) -> None:
    """Refuse requests that pages of others send."""

    @app.before_request
    def check() -> None:
        named = request.environ.get("HTTP_HOST", "")  # no browser leaves it out
        if named and not host(settings, named):
            raise HostNotAllowed(
                f"'{named}' is not a name of this server; MLXQ_ALLOWED_HOSTS lists further ones", param="Host"
            )
        if request.method in _READING and "Sec-WebSocket-Key" not in request.headers:
            return
        came = request.headers.get("Origin")
        if came is None and request.headers.get("Sec-Fetch-Site") != "cross-site":
            return
        if came is None or not origin(settings, came, named):
            raise OriginNotAllowed(
                f"pages of '{came or 'another site'}' may not write here; MLXQ_ALLOWED_ORIGINS lists those that may",
                param="Origin",
            )

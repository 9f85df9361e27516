"""Whose call it is: in this caller's name a body is checked and an answer shown, of a request or of a batch's line."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request

from web.gateway import Gateway, gateway
from web.http.access import auth


@dataclass(frozen=True)
class Caller:
    """Whose blobs and files a body may name, and where links in an answer lead.

    `host_url` is what such a link begins with; None where nobody could follow it. `unstored` are responses that may be
    gone on from though they were not stored, as those of the same websocket.
    """

    gateway: Gateway
    owner: str
    host_url: str | None = None
    unstored: frozenset[str] = frozenset()


def current() -> Caller:
    """The caller who sent the current request."""
    return Caller(gateway(), auth.current(), request.host_url)

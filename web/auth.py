"""Who asks: with keys configured every call needs one, and what it makes belongs to that key."""

from __future__ import annotations

import hashlib
import hmac

from flask import Flask, g, request

from web.errors import Unauthenticated
from web.gateway import gateway

ANONYMOUS = "anonymous"
OPEN = frozenset({"/health", "/ready"})
SIGNED = "/v1/images/content/"  # what is below it carries its own proof


def owner(key: str) -> str:
    """The id that stands in records for a key: it tells keys apart and gives none away."""
    return "key_" + hashlib.sha256(key.encode()).hexdigest()[:16]


def current() -> str:
    """The owner of the current request."""
    found: str = g.owner
    return found


def register(app: Flask) -> None:
    """Check the key of every request, except those that ask whether the server lives and those of signed links."""

    @app.before_request
    def authenticate() -> None:
        keys = gateway().settings.api_keys
        g.owner = ANONYMOUS
        if not keys or request.path in OPEN or request.path.startswith(SIGNED):
            return
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            raise Unauthenticated("send an API key, as in 'Authorization: Bearer KEY'")
        # Every key is compared, so that the time taken tells nothing.
        matches = [key for key in keys if hmac.compare_digest(key.encode(), given.strip().encode())]
        if not matches:
            raise Unauthenticated("this API key is not known here")
        g.owner = owner(matches[0])

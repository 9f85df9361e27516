"""Who asks: with keys every call needs one, and what it makes belongs to that key."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from flask import Flask, g, request

from tasks.access import api_keys
from tasks.access.api_keys import UNLIMITED, ApiKey, Limits
from web.gateway import gateway
from web.http.errors import AdminKeyRequired, Unauthenticated

ANONYMOUS = "anonymous"
OPEN = frozenset({"/health", "/ready", "/openapi.json", "/docs"})  # how it is, and its documentation
SIGNED = "/v1/images/content/"  # what is below it carries its own proof
_PAGES = "/docs/"


def owner(key: str) -> str:
    """The id that stands in records for a key: it tells keys apart and gives none away."""
    return api_keys.key_id(key)


def current() -> str:
    """The owner of the current request."""
    owner: str = g.owner
    return owner


def limits() -> Limits:
    """What the key of the current request may ask for."""
    key: ApiKey | None = g.get("api_key")
    return UNLIMITED if key is None else key.limits


def is_admin() -> bool:
    """Whether the current request came with the admin key."""
    key = gateway().settings.admin_key
    return key is not None and current() == owner(key)


def require_admin() -> None:
    """Raises AdminKeyRequired unless the current request came with the admin key."""
    if not gateway().settings.admin_key:
        raise AdminKeyRequired("this needs an admin key, and there is none: start the server with MLXQ_ADMIN_KEY")
    if not is_admin():
        raise AdminKeyRequired("this needs the admin key (MLXQ_ADMIN_KEY of the server), not a key for calls")


def is_open(path: str) -> bool:
    """Whether a path needs no key: whether the server lives, its documentation, and signed links."""
    return path in OPEN or path.startswith((SIGNED, _PAGES))


def register(app: Flask) -> None:
    """Check the key of every request to a path that is not open."""

    @app.before_request
    def authenticate() -> None:
        g.owner = ANONYMOUS
        if not is_open(request.path):
            identify()


def identify() -> None:
    """Find out whose the key is that came with the current request, or that none is needed.

    Raises Unauthenticated, also later for a key that was revoked meanwhile, and QueueUnavailable.
    """
    settings, keys = gateway().settings, gateway().keys
    ours = [key for key in (settings.admin_key, *settings.api_keys) if key]
    if not ours and not keys.any():
        return
    secret = _secret()
    if not secret:
        raise Unauthenticated("send an API key, as in 'Authorization: Bearer KEY' or 'x-api-key: KEY'")
    if _is_one_of(ours, secret):
        g.owner = owner(secret)
        return
    g.api_key = keys.find(secret)
    g.owner = g.api_key.id


def _secret() -> str:
    """The key that came with the current request, as OpenAI's clients send it or as Anthropic's do."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    bearer = given.strip() if scheme.lower() == "bearer" else ""
    return bearer or request.headers.get("x-api-key", "").strip()


def _is_one_of(keys: Iterable[str], given: str) -> bool:
    # Every key is compared, so that the time taken tells nothing.
    return True in [hmac.compare_digest(key.encode(), given.encode()) for key in keys]

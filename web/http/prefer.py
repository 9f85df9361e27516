"""What a client says about how it will be answered: `Prefer` (RFC 7240) and our own headers beside it."""

from __future__ import annotations

import re
from typing import NamedTuple

from werkzeug.datastructures import Headers

from mlxq.settings import Settings
from tasks.values.errors import InvalidValue
from tasks.values.job import Webhook
from web.http.webhook_url import webhook

LONGEST = 7 * 86_400  # seconds
_PERIOD = re.compile(r"(\d+(?:\.\d+)?)([smh]?)", re.ASCII)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


class Preference(NamedTuple):
    """How to answer one call, and how to treat its job; times in seconds.

    `wait`: answer with the job after this time, 0 at once; None for a synchronous call. `ttl`: how long its result is
    kept, None as long as others.
    """

    wait: float | None = None
    timeout: float | None = None
    detached: bool = False
    idempotency_key: str | None = None
    cancel_after: float | None = None
    ttl: int | None = None
    priority: int = 0
    webhook: Webhook | None = None


def preference(headers: Headers, settings: Settings) -> Preference:
    """The preference that these headers express; InvalidValue names a header that cannot be read."""
    ttl = _whole("X-Result-TTL", headers, 1, settings.max_result_ttl)
    return Preference(
        wait=_wait(headers.get("Prefer", "")),
        timeout=_seconds("X-Request-Timeout", headers["X-Request-Timeout"], 0.001)
        if "X-Request-Timeout" in headers
        else None,
        detached=_detached(headers.get("X-On-Disconnect")),
        idempotency_key=_key(headers.get("Idempotency-Key")),
        cancel_after=_period("Cancel-After", headers["Cancel-After"]) if "Cancel-After" in headers else None,
        ttl=ttl,
        priority=_whole("X-Priority", headers, -10, 10) or 0,
        webhook=webhook(settings, headers["X-Webhook-URL"], (), "X-Webhook-URL")
        if "X-Webhook-URL" in headers
        else None,
    )


def _wait(prefer: str) -> float | None:
    preferences: dict[str, str] = {}
    for preferred in prefer.split(","):
        name, _, value = preferred.split(";")[0].partition("=")
        preferences.setdefault(name.strip().lower(), value.strip().strip('"'))
    if "wait" in preferences:
        return _seconds("Prefer: wait", preferences["wait"], 0)
    return 0.0 if "respond-async" in preferences else None


def _seconds(header: str, text: str, least: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not least <= value <= LONGEST:
        raise InvalidValue(f"{header} must be a number of seconds up to {LONGEST}", param=header.split(":")[0])
    return value


def _period(header: str, text: str) -> float:
    match = _PERIOD.fullmatch(text.strip())
    value = float(match[1]) * _UNITS[match[2]] if match else 0
    if not 0 < value <= LONGEST:
        raise InvalidValue(f"{header} must be a time as in 90, 30s, 10m or 1h, up to {LONGEST} s", param=header)
    return value


def _whole(header: str, headers: Headers, least: int, most: int) -> int | None:
    text = headers.get(header)
    if text is None:
        return None
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise InvalidValue(f"{header} must be a whole number from {least} to {most}", param=header)
    return value


def _detached(value: str | None) -> bool:
    if value not in (None, "continue", "cancel"):
        raise InvalidValue("X-On-Disconnect must be 'continue' or 'cancel'", param="X-On-Disconnect")
    return value == "continue"


def _key(value: str | None) -> str | None:
    if value is not None and not 0 < len(value) <= 255:
        raise InvalidValue("Idempotency-Key must be 1 to 255 characters", param="Idempotency-Key")
    return value

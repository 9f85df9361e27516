"""What a client says about how it will be answered: `Prefer` (RFC 7240) and our own headers beside it."""

from __future__ import annotations

from typing import NamedTuple

from werkzeug.datastructures import Headers

from tasks.errors import InvalidValue

LONGEST = 7 * 86_400  # seconds


class Preference(NamedTuple):
    """How to answer one call; times in seconds.

    `wait`: answer with the job after so long, 0 at once; None for a synchronous call.
    """

    wait: float | None = None
    timeout: float | None = None
    detached: bool = False
    idempotency_key: str | None = None


def preference(headers: Headers) -> Preference:
    """The preference that these headers express; InvalidValue names a header that cannot be read."""
    return Preference(
        wait=_wait(headers.get("Prefer", "")),
        timeout=_seconds("X-Request-Timeout", headers["X-Request-Timeout"], 0.001)
        if "X-Request-Timeout" in headers
        else None,
        detached=_detached(headers.get("X-On-Disconnect")),
        idempotency_key=_key(headers.get("Idempotency-Key")),
    )


def _wait(prefer: str) -> float | None:
    found: dict[str, str] = {}
    for preferred in prefer.split(","):
        name, _, value = preferred.split(";")[0].partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    if "wait" in found:
        return _seconds("Prefer: wait", found["wait"], 0)
    return 0.0 if "respond-async" in found else None


def _seconds(header: str, text: str, least: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not least <= value <= LONGEST:
        raise InvalidValue(f"{header} must be a number of seconds up to {LONGEST}", param=header.split(":")[0])
    return value


def _detached(value: str | None) -> bool:
    if value not in (None, "continue", "cancel"):
        raise InvalidValue("X-On-Disconnect must be 'continue' or 'cancel'", param="X-On-Disconnect")
    return value == "continue"


def _key(value: str | None) -> str | None:
    if value is not None and not 0 < len(value) <= 255:
        raise InvalidValue("Idempotency-Key must be 1 to 255 characters", param="Idempotency-Key")
    return value

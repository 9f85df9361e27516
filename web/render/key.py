"""An API key as the administrator sees it; its secret is shown by who made it, once."""

from __future__ import annotations

from typing import Any

import msgspec

from tasks.access.api_keys import PREFIX, UNLIMITED, Limits, Listed


def body(listed: Listed) -> dict[str, Any]:
    """A stored key; times in seconds since the epoch, the last use to the minute."""
    key = listed.key
    return {
        "id": key.id,
        "object": "api_key",
        "source": "stored",
        "status": listed.status,
        "label": key.label,
        "hint": f"{PREFIX}…{key.hint}",
        "created_at": key.created // 1000,
        "last_used_at": _seconds(listed.used),
        "expires_at": _seconds(key.expires),
        "revoked_at": _seconds(listed.revoked),
        "limits": _limits(key.limits),
    }


def configured(owner: str) -> dict[str, Any]:
    """A key of MLXQ_API_KEYS, of which nothing is known but whose jobs are its own."""
    unknown = dict.fromkeys(("label", "hint", "created_at", "last_used_at", "expires_at", "revoked_at"))
    return {
        "id": owner,
        "object": "api_key",
        "source": "environment",
        "status": "active",
        **unknown,
        "limits": _limits(UNLIMITED),
    }


def _limits(limits: Limits) -> dict[str, int | None]:
    return msgspec.structs.asdict(limits)


def _seconds(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else milliseconds // 1000

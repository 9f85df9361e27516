"""Media that a body names by its address: fetched from the internet, within limits of bytes and seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeGuard

from tasks.outbound.outbound import Outbound
from tasks.values.blob_ref import BlobRef
from web.endpoint import Endpoint
from web.gateway import Gateway
from web.http.body import references

SECONDS = 30.0  # from the first look at the name to the last byte, with all redirects
UNSAID = "application/octet-stream"


def is_address(value: object) -> TypeGuard[str]:
    """Whether a file field holds what is to be fetched."""
    return isinstance(value, str) and value[:8].lower().startswith(("http://", "https://"))


def needed(endpoint: Endpoint, raw: Mapping[str, Any]) -> bool:
    """Whether checking a body means waiting for somebody else's server."""
    sent = [references.target(value) for name in endpoint.files for value in _several(raw.get(name))]
    return any(map(is_address, [*sent, *_shown(raw)]))


def _several(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _shown(raw: Mapping[str, Any]) -> Iterator[object]:
    """The addresses, and what else stands in their place, of parts of messages and items; nothing was checked yet."""
    for turn in (turn for name in ("messages", "input") for turn in _several(raw.get(name))):
        yield from _parts(turn)


def _parts(holder: object) -> Iterator[object]:
    """Those in the content of a turn, or in what a call gave."""
    fields = (holder.get("content"), holder.get("output")) if isinstance(holder, dict) else ()
    for part in (part for content in fields if isinstance(content, list) for part in content):
        for value in part.values() if isinstance(part, dict) else ():
            yield value.get("url") if isinstance(value, dict) else value
        yield from _parts(part)


def fetched(
    gateway: Gateway,
    param: str,
    address: str,
    *,
    limit_bytes: int | None = None,
    timeout: float = SECONDS,
    types: Iterable[str] = (),
) -> BlobRef:
    """What is there, as large as an upload may be unless a limit is given; `types` are as for `Outbound.fetch`.

    InvalidValue, BlobTooLarge and FetchFailed name `param`.
    """
    settings = gateway.settings
    limit = settings.max_upload_bytes if limit_bytes is None else limit_bytes
    incoming = gateway.store.blobs.incoming(limit)
    try:
        answer = Outbound(settings.media_allow_private).fetch(
            address, incoming, limit_bytes=limit, timeout=timeout, types=types, param=param
        )
        return incoming.keep(answer.type or UNSAID)
    finally:
        incoming.drop()

"""Pictures, sounds and films that messages show: taken out of data URLs, fetched from the web, found among files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from schemas.content import Media
from tasks.values.errors import InvalidValue
from tasks.values.requests import BlobRef
from web.http import remote
from web.http.errors import path

FETCH_BYTES = 64 << 20  # of one address
FETCH_SECONDS = 20.0  # for all addresses of a request
MOST = 256  # parts of a request that are no text
# What stores of files say of anything; the worker looks into the file anyway.
_UNSAID = (remote.UNSAID, "binary/octet-stream")


def held(data: Mapping[str, Any]) -> Iterator[BlobRef]:
    """The blobs that a body's messages show, once `kept` has put them in."""
    for _, _, media in _found(data):
        yield media.source


def kept(data: Mapping[str, Any], within: str, blob: Callable[[str, object], BlobRef]) -> Mapping[str, Any]:
    """The same body with a blob as the source of all that its messages show; raises a JobError that names the part.

    `blob` takes a field's path and what it holds, as a data URL or an id.
    """
    found = list(_found(data))
    if not found:
        return data
    if len(found) > MOST:
        raise InvalidValue(f"the messages hold more than {MOST} parts that are no text", param=path(within, "messages"))
    until = time.monotonic() + FETCH_SECONDS
    turns = [dict(turn) for turn in data["messages"]]
    for turn, part, media in found:
        param = f"{path(within, f'messages[{turn}].content[{part}]')}.{media.field}"
        if remote.is_address(media.source):
            source = _fetched(media, param, until)
        else:
            source = blob(param, _checked(param, media))
        content = list(turns[turn]["content"])
        content[part] = media._replace(source=source)
        turns[turn]["content"] = tuple(content)
    return {**data, "messages": turns}


def _found(data: Mapping[str, Any]) -> Iterator[tuple[int, int, Media]]:
    for turn, message in enumerate(data.get("messages") or ()):
        content = message.get("content")
        if isinstance(content, tuple):
            yield from ((turn, part, value) for part, value in enumerate(content) if isinstance(value, Media))


def _checked(param: str, media: Media) -> str:
    """What is no address, and stands for bytes: nothing that might be a path."""
    source: str = media.source
    if source.startswith(("data:", "blob_", "file-")):
        return source
    raise InvalidValue(f"'{param}' must be a data URL, an http or https URL, or an id of ours", param=param)


def _fetched(media: Media, param: str, until: float) -> BlobRef:
    if media.kind == "file":
        raise InvalidValue(f"'{param}' must be a file's id or a data URL, no address", param=param)
    left = until - time.monotonic()
    if left <= 0:
        raise InvalidValue(f"the addresses of this request took longer than {FETCH_SECONDS:g} s", param=param)
    types = (f"{media.kind}/", *_UNSAID)
    return remote.fetched(param, media.source, limit_bytes=FETCH_BYTES, timeout=left, types=types)

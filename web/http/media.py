"""What a body holds besides its JSON: uploads, data URLs, addresses, and ids of files and blobs, made into blobs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from schemas.content import Media
from tasks.values.errors import InvalidValue, NotFound
from tasks.values.requests import BlobRef
from web.callers import Caller
from web.http import data_urls, remote
from web.http.errors import path

FETCH_BYTES = 64 << 20  # of one address
FETCH_SECONDS = 20.0  # for all addresses of a request
MOST = 256  # parts of a request that are no text
_BLOB, _FILE = "blob_", "file-"
# What stores of files say of anything; the worker looks into the file anyway.
_UNSAID = (remote.UNSAID, "binary/octet-stream")


def blob(caller: Caller, param: str, value: object) -> BlobRef:
    """What an upload, a data URL, an address or an id stands for; InvalidValue names `param`."""
    store = caller.gateway.store
    if isinstance(value, BlobRef):
        return value
    if data_urls.is_data_url(value):
        return _data_url(caller, param, value)
    if isinstance(value, str) and value.startswith(_BLOB):
        ref = store.owns_blob(caller.owner, value.removeprefix(_BLOB))
        if ref is None:
            raise InvalidValue(f"none of your jobs holds '{value}'", param=param)
        return ref
    if isinstance(value, str) and value.startswith(_FILE):
        try:
            ref = caller.gateway.files.get(value, caller.owner).blob
            store.blobs.touch(ref)  # its file may go before the job holds it
            return ref
        except NotFound:
            raise InvalidValue(f"you have no file '{value}'", param=param) from None
    if remote.is_address(value):
        return remote.fetched(caller.gateway, param, value)
    raise InvalidValue(
        f"'{param}' must be an upload; elsewhere a URL, a data URL, a file's or a blob's id", param=param
    )


def _data_url(caller: Caller, param: str, url: str) -> BlobRef:
    try:
        media_type, content = data_urls.read(url)
    except ValueError as error:
        raise InvalidValue(f"'{param}' is not a valid data URL: {error}", param=param) from None
    return caller.gateway.store.blobs.put(content, media_type, caller.gateway.settings.max_upload_bytes)


def held(data: Mapping[str, Any]) -> Iterator[BlobRef]:
    """The blobs that a body's messages show, once `kept` has put them in, and those that were said before."""
    for _, _, media in _parts(data):
        yield media.source
    for turn in data.get("history", ()):
        yield from (shown.blob for shown in turn.media)


def kept(caller: Caller, data: Mapping[str, Any], within: str) -> Mapping[str, Any]:
    """The same body with a blob as the source of all that its messages show; raises a JobError that names the part."""
    parts = list(_parts(data))
    if not parts:
        return data
    if len(parts) > MOST:
        raise InvalidValue(f"the messages hold more than {MOST} parts that are no text", param=path(within, "messages"))
    until = time.monotonic() + FETCH_SECONDS
    turns = [dict(turn) for turn in data["messages"]]
    for turn, part, media in parts:
        place = media.param or f"messages[{turn}].content[{part}]"
        param = f"{path(within, place)}.{media.field}"
        if remote.is_address(media.source):
            source = _fetched(caller, media, param, until)
        else:
            source = blob(caller, param, _checked(param, media))
        content = list(turns[turn]["content"])
        content[part] = media._replace(source=source)
        turns[turn]["content"] = tuple(content)
    return {**data, "messages": turns}


def _parts(data: Mapping[str, Any]) -> Iterator[tuple[int, int, Media]]:
    for turn, message in enumerate(data.get("messages") or ()):
        content = message.get("content")
        if isinstance(content, tuple):
            yield from ((turn, part, value) for part, value in enumerate(content) if isinstance(value, Media))


def _checked(param: str, media: Media) -> str:
    """What is no address, and stands for bytes: nothing that might be a path."""
    source: str = media.source
    if data_urls.is_data_url(source) or source.startswith((_BLOB, _FILE)):
        return source
    raise InvalidValue(f"'{param}' must be a data URL, an http or https URL, or an id of ours", param=param)


def _fetched(caller: Caller, media: Media, param: str, until: float) -> BlobRef:
    if media.kind == "file" and media.field != "file_url":
        raise InvalidValue(f"'{param}' must be a file's id or a data URL, no address", param=param)
    left = until - time.monotonic()
    if left <= 0:
        raise InvalidValue(f"the addresses of this request took longer than {FETCH_SECONDS:g} s", param=param)
    types = () if media.kind == "file" else (f"{media.kind}/", *_UNSAID)
    return remote.fetched(caller.gateway, param, media.source, limit_bytes=FETCH_BYTES, timeout=left, types=types)

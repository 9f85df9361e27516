"""What a body holds besides its JSON: uploads, data URLs, addresses, and ids of files and blobs, made into blobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from schemas.text.content import Media
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import InvalidValue, NotFound
from web.http.body import data_urls, references, remote
from web.http.errors import path
from web.identity import Caller

FETCH_BYTES = 64 << 20  # of one address
FETCH_SECONDS = 20.0  # for all addresses of a request
MOST = 256  # parts of a request that are not text
_BLOB, _FILE = "blob_", "file-"
# What stores of files say of anything; the worker looks into the file anyway.
_UNSAID = (remote.UNSAID, "binary/octet-stream")


def blob(caller: Caller, param: str, value: object) -> BlobRef:
    """What an upload, a data URL, an address, an id or an object with one of them stands for.

    InvalidValue names `param`, or the field of the object.
    """
    store = caller.gateway.store
    if isinstance(value, Mapping):
        value, param = references.read(value, param)
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
    for media in _shown(data.get("messages")):
        yield media.source
    for turn in data.get("history", ()):
        yield from (shown.blob for shown in turn.media)


def kept(caller: Caller, data: Mapping[str, Any], within: str) -> Mapping[str, Any]:
    """The same body with a blob as the source of all that its messages show; raises a JobError that names the part."""
    several = list(_shown(data.get("messages")))
    if not several:
        return data
    if len(several) > MOST:
        raise InvalidValue(f"the messages hold more than {MOST} parts other than text", param=path(within, "messages"))
    until = time.monotonic() + FETCH_SECONDS

    def keep(media: Media, place: str) -> Media:
        param = f"{path(within, media.param or place)}.{media.field}"
        if remote.is_address(media.source):
            return media._replace(source=_fetched(caller, media, param, until))
        return media._replace(source=blob(caller, param, _checked(param, media)))

    return {**data, "messages": _replaced(data["messages"], "messages", keep)}


def _shown(value: Any) -> Iterator[Media]:
    """What is shown anywhere in turns: in their content, and in what calls gave."""
    if isinstance(value, Media):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _shown(one)
    elif isinstance(value, dict):
        yield from _shown(value.get("content"))


def _replaced(value: Any, place: str, keep: Callable[[Media, str], Media]) -> Any:
    """The same turns with what `keep` makes of all that they show."""
    if isinstance(value, Media):
        return keep(value, place)
    if isinstance(value, dict) and "content" in value:
        return {**value, "content": _replaced(value["content"], f"{place}.content", keep)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        inner = zip(value._fields, value, strict=True)
        return type(value)(*(_replaced(one, f"{place}.{name}", keep) for name, one in inner))
    if isinstance(value, list | tuple):
        return type(value)(_replaced(one, f"{place}[{index}]", keep) for index, one in enumerate(value))
    return value


def _checked(param: str, media: Media) -> str:
    """Text that stands for bytes, and is neither an address nor anything that might be a path."""
    source: str = media.source
    if data_urls.is_data_url(source) or source.startswith((_BLOB, _FILE)):
        return source
    raise InvalidValue(f"'{param}' must be a data URL, an http or https URL, or an id of ours", param=param)


def _fetched(caller: Caller, media: Media, param: str, until: float) -> BlobRef:
    if media.kind == "file" and not media.field.endswith("url"):
        raise InvalidValue(f"'{param}' must be a file's id or a data URL, no address", param=param)
    left = until - time.monotonic()
    if left <= 0:
        raise InvalidValue(f"the addresses of this request took longer than {FETCH_SECONDS:g} s", param=param)
    types = () if media.kind == "file" else (f"{media.kind}/", *_UNSAID)
    return remote.fetched(caller.gateway, param, media.source, limit_bytes=FETCH_BYTES, timeout=left, types=types)

"""From an HTTP body to a checked one: JSON or a form, its uploads on disk as blobs."""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec
from flask import request
from marshmallow import ValidationError
from werkzeug.datastructures import FileStorage

from tasks.errors import InvalidValue
from tasks.requests import BlobRef
from web import auth
from web.endpoint import Endpoint
from web.errors import InvalidJson, UnsupportedMediaType, validation
from web.gateway import gateway

_BLOB = "blob_"


class Intake(NamedTuple):
    """A checked body, and a digest that is the same for the same request (canonical JSON, uploads by their hash)."""

    data: Mapping[str, Any]
    digest: str
    blobs: tuple[BlobRef, ...]


def body(endpoint: Endpoint) -> Mapping[str, Any]:
    """The current request's body as the endpoint reads it: a form where it takes files, JSON elsewhere or as well."""
    form = endpoint.files and (not endpoint.json or request.mimetype == "multipart/form-data")
    return _form(endpoint) if form else json()


def json() -> Mapping[str, Any]:
    """The current request's JSON object."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType(
            f"send 'Content-Type: application/json', not '{request.mimetype or 'nothing'}'", param="Content-Type"
        )
    request.max_content_length = gateway().settings.max_body_bytes
    try:
        value = msgspec.json.decode(request.get_data(cache=False))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidJson(f"the body is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidJson("the body must be a JSON object")
    return value


def _form(endpoint: Endpoint) -> Mapping[str, Any]:
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType(
            f"send 'Content-Type: multipart/form-data', not '{request.mimetype or 'nothing'}'", param="Content-Type"
        )
    limit = gateway().settings.max_upload_bytes
    request.max_content_length = limit + gateway().settings.max_body_bytes
    found: dict[str, Any] = {}
    for name, values in request.form.lists():
        found[name.removesuffix("[]")] = values if name.endswith("[]") else values[-1]
    for name, uploads in request.files.lists():
        plain = name.removesuffix("[]")
        if plain not in endpoint.files:
            raise InvalidValue(f"'{plain}' is not a file here", param=plain)
        refs = [_kept(upload, limit) for upload in uploads]
        found[plain] = refs if name.endswith("[]") or len(refs) > 1 else refs[0]
    return found


def _kept(upload: FileStorage, limit: int) -> BlobRef:
    media_type = upload.mimetype or "application/octet-stream"
    return gateway().store.blobs.put(upload.stream, media_type, limit)  # type: ignore[arg-type]


def check(endpoint: Endpoint, raw: Mapping[str, Any], within: str = "") -> Intake:
    """Check a body against the endpoint's schema; raises a JobError that names the field, below `within` if given."""
    given = {
        name: _blobs(f"{within}.{name}" if within else name, value) if name in endpoint.files else value
        for name, value in raw.items()
    }
    try:
        data: Mapping[str, Any] = endpoint.schema().load(given)
    except ValidationError as error:
        raise validation(error, within) from None
    held: list[BlobRef] = []
    hashes: dict[str, object] = {}
    for name in sorted(endpoint.files & given.keys()):
        refs = given[name]
        if refs is not None:
            held += refs if isinstance(refs, list) else [refs]
            hashes[name] = [ref.sha256 for ref in refs] if isinstance(refs, list) else refs.sha256
    canonical = msgspec.json.encode({**given, **hashes}, order="deterministic")
    return Intake(data, hashlib.sha256(canonical).hexdigest(), tuple(held))


def _blobs(param: str, value: object) -> BlobRef | list[BlobRef] | None:
    if value is None:
        return None
    if isinstance(value, list):
        return [_blob(f"{param}[{index}]", one) for index, one in enumerate(value)]
    return _blob(param, value)


def _blob(param: str, value: object) -> BlobRef:
    if isinstance(value, BlobRef):
        return value
    if isinstance(value, str) and value.startswith("data:"):
        return _data_url(param, value)
    if isinstance(value, str) and value.startswith(_BLOB):
        ref = gateway().store.owns_blob(auth.current(), value.removeprefix(_BLOB))
        if ref is None:
            raise InvalidValue(f"none of your jobs holds '{value}'", param=param)
        return ref
    raise InvalidValue(f"'{param}' must be an upload; in a job's body a data URL or a blob id", param=param)


def _data_url(param: str, url: str) -> BlobRef:
    head, comma, tail = url.removeprefix("data:").partition(",")
    try:
        if not comma:
            raise ValueError("no comma")
        content = b64decode(tail, validate=True) if head.endswith(";base64") else unquote_to_bytes(tail)
    except (binascii.Error, ValueError) as error:
        raise InvalidValue(f"'{param}' is not a valid data URL: {error}", param=param) from None
    media_type = head.removesuffix(";base64") or "text/plain"
    return gateway().store.blobs.put(content, media_type, gateway().settings.max_upload_bytes)

"""From an HTTP body to a checked one: JSON or a form, its uploads on disk as blobs."""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec
from flask import request
from marshmallow import ValidationError
from werkzeug.formparser import FormDataParser

from tasks.blobs import Incoming
from tasks.errors import InvalidValue, NotFound
from tasks.requests import BlobRef
from web import auth, media, remote
from web.endpoint import Endpoint
from web.errors import InvalidJson, UnsupportedMediaType, validation
from web.gateway import gateway

_BLOB, _FILE = "blob_", "file-"
_NESTED = re.compile(r"(?P<outer>\w+)\[(?P<inner>\w+)\]", re.ASCII)


class Intake(NamedTuple):
    """A checked body, and a digest that is the same for the same request.

    The digest is of canonical JSON, with uploads by their hash and what was fetched by its address.
    """

    data: Mapping[str, Any]
    digest: str
    blobs: tuple[BlobRef, ...]


class Upload(NamedTuple):
    """A file of a form, on the disk but not kept yet."""

    incoming: Incoming
    filename: str
    type: str

    def keep(self) -> BlobRef:
        """Make a blob of it."""
        return self.incoming.keep(self.type)


def body(endpoint: Endpoint) -> Mapping[str, Any]:
    """The current request's body as the endpoint reads it: a form where it takes files, JSON elsewhere."""
    if not endpoint.files:
        return json()
    with form(endpoint.files) as (fields, uploads):
        return {**fields, **{name: upload.keep() for name, upload in uploads.items()}}


def json() -> Mapping[str, Any]:
    """The current request's JSON object."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType(
            f"send 'Content-Type: application/json', not '{request.mimetype or 'nothing'}'", param="Content-Type"
        )
    request.max_content_length = gateway().settings.max_body_bytes
    return decoded(request.get_data(cache=False))


def decoded(data: bytes | msgspec.Raw) -> Mapping[str, Any]:
    """The JSON object in these bytes."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidJson(f"the body is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidJson("the body must be a JSON object")
    return value


@contextmanager
def form(files: frozenset[str]) -> Iterator[tuple[dict[str, Any], dict[str, Upload]]]:
    """The current request's form: its fields, `a[b]` as an object's, and its uploads, dropped afterwards unless kept.

    `files` names the fields that hold uploads. They go to the disk while they are read, so memory holds none.
    """
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType(
            f"send 'Content-Type: multipart/form-data', not '{request.mimetype or 'nothing'}'", param="Content-Type"
        )
    settings, blobs = gateway().settings, gateway().store.blobs
    request.max_content_length = settings.max_upload_bytes + settings.max_body_bytes
    begun: list[Incoming] = []

    def receive(*_: object, **__: object) -> Incoming:
        begun.append(blobs.incoming(settings.max_upload_bytes))
        return begun[-1]

    parser = FormDataParser(
        receive,  # type: ignore[arg-type]  # werkzeug writes and rewinds, no more
        max_form_memory_size=request.max_form_memory_size,
        max_form_parts=request.max_form_parts,
        silent=False,
    )
    try:
        yield _parsed(parser, files)
    finally:
        for incoming in begun:
            incoming.drop()


def _parsed(parser: FormDataParser, files: frozenset[str]) -> tuple[dict[str, Any], dict[str, Upload]]:
    try:
        _, fields, uploads = parser.parse(
            request.stream, request.mimetype, request.content_length, request.mimetype_params
        )
    except ValueError as error:
        raise InvalidValue(f"the form cannot be read: {error}") from None
    found: dict[str, Any] = {}
    for name, values in fields.lists():
        if name in files:
            raise InvalidValue(f"'{name}' must be a file, with a filename", param=name)
        if nested := _NESTED.fullmatch(name):
            inner = found.setdefault(nested["outer"], {})
            if isinstance(inner, dict):
                inner[nested["inner"]] = values[-1]
        else:
            found[name.removesuffix("[]")] = values if name.endswith("[]") else values[-1]
    received: dict[str, Upload] = {}
    for name, upload in uploads.items():
        if name not in files:
            raise InvalidValue(f"'{name}' is not a file here", param=name)
        incoming: Any = upload.stream
        received[name] = Upload(incoming, upload.filename or "", upload.mimetype or "application/octet-stream")
    return found, received


def check(endpoint: Endpoint, raw: Mapping[str, Any], within: str = "") -> Intake:
    """Check a body against the endpoint's schema; raises a JobError that names the field, below `within` if given."""
    given = {
        name: blob(f"{within}.{name}" if within else name, value) if name in endpoint.files else value
        for name, value in raw.items()
    }
    try:
        data: Mapping[str, Any] = media.kept(endpoint.schema().load(given), within, blob)
    except ValidationError as error:
        raise validation(error, within) from None
    held = {name: value for name, value in given.items() if isinstance(value, BlobRef)}
    # Whoever asks again for the same address asks for the same, whatever is there by now.
    hashes = {name: ref.sha256 for name, ref in held.items() if not remote.is_address(raw[name])}
    named = {name: raw[name] for name in held.keys() - hashes.keys()}
    return Intake(data, digest({**given, **hashes, **named}), (*held.values(), *media.held(data)))


def digest(raw: Mapping[str, Any]) -> str:
    """What is the same for the same body, however its JSON was written."""
    return hashlib.sha256(msgspec.json.encode(raw, order="deterministic")).hexdigest()


def blob(param: str, value: object) -> BlobRef:
    """What an upload, a data URL or a blob's id stands for; InvalidValue names `param`."""
    if isinstance(value, BlobRef):
        return value
    if isinstance(value, str) and value.startswith("data:"):
        return _data_url(param, value)
    if isinstance(value, str) and value.startswith(_BLOB):
        ref = gateway().store.owns_blob(auth.current(), value.removeprefix(_BLOB))
        if ref is None:
            raise InvalidValue(f"none of your jobs holds '{value}'", param=param)
        return ref
    if isinstance(value, str) and value.startswith(_FILE):
        try:
            found = gateway().files.get(value, auth.current()).blob
            gateway().store.blobs.touch(found)  # its file may go before the job holds it
            return found
        except NotFound:
            raise InvalidValue(f"you have no file '{value}'", param=param) from None
    if remote.is_address(value):
        return remote.fetched(param, value)
    raise InvalidValue(
        f"'{param}' must be an upload; elsewhere a URL, a data URL, a file's or a blob's id", param=param
    )


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

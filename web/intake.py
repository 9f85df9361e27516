"""From an HTTP body to a checked one: JSON or a form, its uploads on disk as blobs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

import msgspec
from flask import Request
from marshmallow.fields import Boolean
from werkzeug.datastructures import FileStorage
from werkzeug.formparser import FormDataParser

from tasks.stored.blobs import Incoming
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import InvalidValue
from web.availability import model_lookup
from web.endpoint import Endpoint
from web.gateway import Gateway
from web.http.body import encoding, media, references, remote, unknown_fields
from web.http.errors import InvalidJson, UnsupportedMediaType
from web.identity import Caller

BOM = b"\xef\xbb\xbf"  # what some clients put before their JSON, as Windows' editors do
MAX_DEPTH = 64  # levels of a body's field
MAX_CONTAINERS = 100_000  # objects and lists in a body
_NESTED = re.compile(r"(?P<outer>\w+)\[(?P<inner>\w+)\]", re.ASCII)


class Intake(NamedTuple):
    """A checked body and what was sent, where ignored fields stand, and a digest that is the same for the same request.

    The digest is of canonical JSON, with uploads by their hash and what was fetched by its address.
    """

    data: Mapping[str, Any]
    digest: str
    blobs: tuple[BlobRef, ...]
    ignored: tuple[str, ...]
    sent: Mapping[str, Any]


class Upload(NamedTuple):
    """A file of a form, on the disk but not kept yet."""

    incoming: Incoming
    filename: str
    type: str

    def keep(self) -> BlobRef:
        """Make a blob of it."""
        return self.incoming.keep(self.type)


Uploads: TypeAlias = dict[str, list[Upload]]


def body(request: Request, gateway: Gateway, endpoint: Endpoint) -> Mapping[str, Any]:
    """A request's body as the endpoint reads it: a form where it takes files, JSON elsewhere or as well."""
    if not endpoint.files or (endpoint.json and request.mimetype != "multipart/form-data"):
        return json(request, gateway)
    with form(request, gateway, endpoint.files) as (fields, uploads):
        words = {name: _word(endpoint, name, value) for name, value in fields.items()}
        return {**words, **{name: _kept(endpoint, name, received) for name, received in uploads.items()}}


def _word(endpoint: Endpoint, name: str, value: Any) -> Any:
    """A form's value; of what is true or false the word in small letters, as Python's clients write `False`."""
    flag = isinstance(endpoint.schema._declared_fields.get(name), Boolean)
    return value.lower() if flag and isinstance(value, str) else value


def json(request: Request, gateway: Gateway) -> Mapping[str, Any]:
    """A request's JSON object."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType(
            f"send 'Content-Type: application/json', not '{request.mimetype or 'nothing'}'", param="Content-Type"
        )
    most = request.max_content_length = gateway.settings.max_body_bytes
    with gateway.capacity.receive(request.environ):
        data = encoding.plain(request.get_data(cache=False), request.headers, most)
    return decoded(data.removeprefix(BOM))


def decoded(data: bytes | msgspec.Raw) -> Mapping[str, Any]:
    """The JSON object in these bytes; InvalidValue names a field that is too deep, or the one where it is too much."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidJson(f"the body is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidJson("the body must be a JSON object")
    _bounded(value)
    return value


def _bounded(body: Mapping[str, Any]) -> None:
    """Refuse what everything after this would walk through for long, or could not: it looks at containers only."""
    left = MAX_CONTAINERS
    for name, value in body.items():
        level, depth = [value] if isinstance(value, (dict, list)) else [], 0
        while level:
            depth, left = depth + 1, left - len(level)
            if depth > MAX_DEPTH:
                raise InvalidValue(f"'{name}' nests more than {MAX_DEPTH} levels deep", param=name)
            if left < 0:
                raise InvalidValue(f"a body may hold {MAX_CONTAINERS} objects and lists, and no more", param=name)
            inner = (each.values() if isinstance(each, dict) else each for each in level)
            level = [each for items in inner for each in items if isinstance(each, (dict, list))]


@contextmanager
def form(request: Request, gateway: Gateway, files: frozenset[str]) -> Iterator[tuple[dict[str, Any], Uploads]]:
    """A request's form: its fields, `a[b]` as an object's, and its uploads, dropped afterwards unless kept.

    `files` names the fields that hold uploads. They go to the disk while they are read, so memory holds none.
    """
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType(
            f"send 'Content-Type: multipart/form-data', not '{request.mimetype or 'nothing'}'", param="Content-Type"
        )
    encoding.refuse(request.headers)
    settings, blobs = gateway.settings, gateway.store.blobs
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
        with gateway.capacity.receive(request.environ):
            parsed = _parsed(request, parser, files)
        yield parsed
    finally:
        for incoming in begun:
            incoming.drop()


def _parsed(request: Request, parser: FormDataParser, files: frozenset[str]) -> tuple[dict[str, Any], Uploads]:
    try:
        _, fields, uploads = parser.parse(
            request.stream, request.mimetype, request.content_length, request.mimetype_params
        )
    except ValueError as error:
        raise InvalidValue(f"the form cannot be read: {error}") from None
    if None in fields or None in uploads:
        raise InvalidValue("the form cannot be read: a part's Content-Disposition says no name")
    data: dict[str, Any] = {}
    for name, given in fields.lists():
        plain = name.removesuffix("[]")
        values = list(filter(None, given))  # a form sends what was left empty too
        if not values:
            continue
        if plain in files:
            raise InvalidValue(f"'{plain}' must be a file, with a filename", param=plain)
        if nested := _NESTED.fullmatch(name):
            inner = data.setdefault(nested["outer"], {})
            if isinstance(inner, dict):
                inner[nested["inner"]] = values[-1]
        else:
            data[plain] = values if name.endswith("[]") else values[-1]
    received: Uploads = {}
    for name, sent in uploads.lists():
        plain = name.removesuffix("[]")
        if plain not in files:
            raise InvalidValue(f"'{plain}' is not a file here", param=plain)
        received[plain] = received.get(plain, []) + [_upload(upload) for upload in sent]
    return data, received


def _upload(storage: FileStorage) -> Upload:
    incoming: Any = storage.stream
    return Upload(incoming, storage.filename or "", storage.mimetype or "application/octet-stream")


def _kept(endpoint: Endpoint, name: str, received: list[Upload]) -> BlobRef | list[BlobRef]:
    if name not in endpoint.several:
        return one(name, received).keep()
    return [upload.keep() for upload in received]


def one(name: str, received: list[Upload]) -> Upload:
    """The only upload of a field; InvalidValue when there are several."""
    if len(received) > 1:
        raise InvalidValue(f"'{name}' takes one file, not {len(received)}", param=name)
    return received[0]


def check(caller: Caller, endpoint: Endpoint, raw: Mapping[str, Any], within: str = "") -> Intake:
    """Check a body against the endpoint's schema; raises a JobError that names the field, below `within` if given."""
    raw = model_lookup.named(caller.gateway, endpoint, raw)
    given = {
        name: _blobs(caller, endpoint, name, within, value) if name in endpoint.files else value
        for name, value in raw.items()
    }
    checked = unknown_fields.check(caller, endpoint.schema, given, within)
    data = media.kept(caller, endpoint.resolve(caller, checked.data, within), within)
    held: list[BlobRef] = []
    hashes: dict[str, object] = {}
    for name in sorted(endpoint.files & given.keys()):
        refs = given[name]
        if refs is not None:
            held += refs if isinstance(refs, list) else [refs]
            hashes[name] = _identity(raw[name], refs)
    return Intake(data, digest({**given, **hashes}), (*held, *media.held(data)), checked.ignored, raw)


def _identity(sent: object, refs: BlobRef | list[BlobRef]) -> object:
    """What a digest is made of: a call with the same address asks for the same, whatever is there by now."""
    if isinstance(refs, list):
        several = sent if isinstance(sent, list) else [sent]
        return [_identity(one, ref) for one, ref in zip(several, refs, strict=True)]
    referred = references.target(sent)
    return referred if remote.is_address(referred) else refs.sha256


def _blobs(caller: Caller, endpoint: Endpoint, name: str, within: str, value: object) -> BlobRef | list[BlobRef] | None:
    param = f"{within}.{name}" if within else name
    if value is None:
        return None
    if name not in endpoint.several:
        return media.blob(caller, param, value)
    several = value if isinstance(value, list) else [value]
    return [media.blob(caller, f"{param}[{at}]", sent) for at, sent in enumerate(several)]


def digest(raw: Mapping[str, Any]) -> str:
    """What is the same for the same body, however its JSON was written."""
    return hashlib.sha256(msgspec.json.encode(raw, order="deterministic")).hexdigest()

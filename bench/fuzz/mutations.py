"""Ways to spoil a valid request: its body, its headers, its query, its path, and the bytes that are sent."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from random import Random

from bench.fuzz import forms, values, wire
from bench.fuzz.odd import HEADERS, METHODS, ODD, PIECES, QUERIES
from bench.fuzz.request import BOUNDARY, Form, Json, Request
from bench.fuzz.wire import cut, flipped
from schemas.__main__ import BODIES
from schemas.fields import rows
from schemas.jobs.batches import BatchListSchema, BatchSchema
from schemas.jobs.files import FileListSchema, FileSchema
from schemas.jobs.jobs import EventListSchema, JobListSchema, JobSchema
from schemas.responses.conversations import ConversationCreateSchema, ItemListSchema, ItemsCreateSchema
from schemas.text.stored_completions import ChatCompletionListSchema, MetadataSchema

NAMES = {path: tuple(row.name for row in rows(body)) for path, body in BODIES.items()} | {
    "/v1/jobs": tuple(row.name for row in rows(JobSchema)),
    "/v1/batches": tuple(row.name for row in rows(BatchSchema)),
    "/v1/files": tuple(row.name for row in rows(FileSchema)),
    "/v1/chat/completions/<completion_id>": tuple(row.name for row in rows(MetadataSchema)),
    "/v1/conversations": tuple(row.name for row in rows(ConversationCreateSchema)),
    "/v1/conversations/<conversation_id>": tuple(row.name for row in rows(MetadataSchema)),
    "/v1/conversations/<conversation_id>/items": tuple(row.name for row in rows(ItemsCreateSchema)),
}
LISTS = (JobListSchema, FileListSchema, BatchListSchema, EventListSchema, ChatCompletionListSchema, ItemListSchema)
ASKED = tuple(row.name for schema in LISTS for row in rows(schema))


def body(request: Request, chance: Random) -> Request:
    """Another value somewhere in the JSON, or another field, part, name or content of a form."""
    if isinstance(request.body, Json):
        names = NAMES.get(request.route, ())
        value = request.body.value
        for _ in range(chance.choice((1, 1, 1, 2, 4))):
            if isinstance(value, (dict, list)) and not isinstance(value, values.Pairs):
                value = values.mutated(value, chance, names)
        return replace(request, body=Json(value))
    if isinstance(request.body, Form):
        return replace(request, body=forms.mutated(request.body, chance, NAMES.get(request.route, ())))
    return replace(request, body=chance.choice((b"{}", b"[]", b"null", b"\xff", b"{", b"a" * 70_000)))


def encoding(request: Request, chance: Random) -> Request:
    """The body in another encoding, cut off, or with more behind it."""
    content = request.content()
    text = content.decode("utf-8", "replace")
    kinds: tuple[Callable[[], bytes], ...] = (
        *(lambda: text.encode("utf-16"), lambda: b"\xef\xbb\xbf" + content, lambda: text.encode("latin-1", "replace")),
        *(
            lambda: gzip.compress(content),
            lambda: content + b"x",
            lambda: content + content,
            lambda: b"",
            lambda: b" " * 70_000,
        ),
        *(lambda: cut(content, chance), lambda: flipped(content, chance), lambda: content.replace(b"\r\n", b"\n")),
        *(
            lambda: content + b"\x00",
            lambda: b"\r\n" * 50 + content,
            lambda: content.replace(BOUNDARY.encode(), b"other", 1),
        ),
    )
    kind = f"multipart/form-data; boundary={BOUNDARY}" if isinstance(request.body, Form) else "application/json"
    return replace(request, body=chance.choice(kinds)()).with_header("Content-Type", kind)


def headers(request: Request, chance: Random) -> Request:
    """Some headers that are odd, or odd here."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        name = chance.choice(tuple(HEADERS))
        value = chance.choice(HEADERS[name]) if chance.random() < 0.75 else chance.choice(ODD)
        kept = request.with_header(name, value)
        request = kept if chance.random() < 0.9 else replace(request, headers=(*request.headers, (name, value)))
    if chance.random() < 0.03:
        many = tuple((f"X-{number}", "y") for number in range(chance.choice((50, 150))))
        request = replace(request, headers=(*request.headers, *many))
    return request


def query(request: Request, chance: Random) -> Request:
    """Names said twice, said as arrays, and values that are none of theirs."""
    found = list(request.query)
    for _ in range(chance.choice((1, 1, 2, 5))):
        name = chance.choice((*(name for name, _ in found), *ASKED, *QUERIES))
        said = values.hostile(chance)
        text = said if isinstance(said, str) else values.text(said)
        found.append((name, text[:3000].strip('"')))
        if len(found) > 1 and chance.random() < 0.3:
            found.pop(chance.randrange(len(found)))
    return replace(request, query=tuple(found))


def path(request: Request, chance: Random) -> Request:
    """Another piece in the path, or more of them."""
    pieces = request.path.split("/")
    at = chance.randrange(1, len(pieces)) if len(pieces) > 1 else 0
    pieces[at : at + 1] = chance.choice(
        ([chance.choice(PIECES)], [pieces[at], chance.choice(PIECES)], [pieces[at], ""])
    )
    return replace(request, path="/".join(pieces).replace(" ", "%20"))


def method(request: Request, chance: Random) -> Request:
    """Another method."""
    return replace(request, method=chance.choice(METHODS))


def leaving(request: Request, chance: Random) -> Request:
    """The same, by a client that leaves at once."""
    return replace(request, whole=False, patience=chance.choice((0.001, 0.02, 0.1)))


def unchanged(request: Request, chance: Random) -> Request:
    """The same."""
    return request


Mutation = Callable[[Request, Random], Request]
MUTATIONS: dict[Mutation, float] = {
    body: 55,
    headers: 12,
    query: 5,
    path: 3,
    encoding: 5,
    method: 1.5,
    wire.spoiled: 6,
    leaving: 1.5,
    unchanged: 5,
}
LISTED: dict[Mutation, float] = {**MUTATIONS, body: 3, encoding: 1, query: 50}


def spoiled(request: Request, chance: Random) -> Request:
    """The same request after one kind of change, now and then after two."""
    weights = MUTATIONS if request.body is not None else LISTED
    for _ in range(1 if chance.random() < 0.85 else 2):
        (change,) = chance.choices(list(weights), list(weights.values()))
        if request.wire is None:
            request = change(request, chance)
    return request

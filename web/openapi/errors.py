"""Which errors the OpenAPI document names: a response for each status, with the codes that come with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from schemas.openapi import doc
from tasks.values.errors import Failure, JobError
from web.http import anthropic
from web.http.anthropic import ANTHROPIC
from web.http.errors import ANSWERS, OPENAI, Dialect
from web.openapi import answers
from web.openapi.operation import JSON, Operation
from web.openapi.parameters import answered

EVERYWHERE = frozenset({400, 403, 500, 503})
_ELSEWHERE = frozenset({405, 408, 414, 431})  # of requests that come to no operation; one response tells them all
ELSEWHERE = {OPENAI: _ELSEWHERE, ANTHROPIC: _ELSEWHERE | {416, 426}}  # which no operation of Anthropic's has
_NAMED_HERE = {
    "invalid_request": "The request is not HTTP, or is not one that this server can read.",
    "internal_error": "Something went wrong here; the log of the server says what.",
    "range_not_satisfiable": "No part of the content is in the range.",
    "uri_too_long": "The request line is longer than this server takes.",
    "headers_too_large": "The headers are larger, or more, than this server takes.",
}


def name(status: int, dialect: Dialect = OPENAI) -> str:
    """What the response of a status is called."""
    return f"{'' if dialect is OPENAI else 'Message'}Error{status}"


def any_other(dialect: Dialect) -> str:
    """What the response of all other statuses is called."""
    return f"{'' if dialect is OPENAI else 'Message'}AnyError"


def dialect_of(path: str) -> Dialect:
    """How the errors of a path are told to every caller."""
    return ANTHROPIC if path.startswith(anthropic.PATH) else OPENAI


def responses() -> Iterator[tuple[str, dict[str, Any]]]:
    """A response for every status that an operation's errors have, and one for the rest."""
    meanings = {**_docs(JobError), **_NAMED_HERE}
    for dialect, elsewhere in ELSEWHERE.items():
        statuses = {code: dialect.status(Failure(code, "")) for code in ANSWERS}
        for status in sorted(set(statuses.values()) - elsewhere):
            codes = [code for code in ANSWERS if statuses[code] == status]
            more = ("Retry-After",) if status in (429, 503, 529) else ()
            schema = _openai(status, codes) if dialect is OPENAI else _anthropic(status)
            yield name(status, dialect), _response([f"- `{code}`: {meanings[code]}" for code in codes], schema, *more)
        others = [f"- {status} `{code}`: {meanings[code]}" for code, status in statuses.items() if status in elsewhere]
        any_error = answers.ref("ErrorResponse" if dialect is OPENAI else "MessageErrorResponse")
        yield any_other(dialect), _response(["Any other error:", *others], any_error)


def _openai(status: int, codes: Sequence[str]) -> dict[str, Any]:
    types = sorted({ANSWERS[code].type for code in codes})
    exactly = {"properties": {"code": {"enum": list(codes)}, "type": {"enum": types}}}
    error = {"allOf": [answers.ref("Error"), exactly]}
    return {"type": "object", "properties": {"error": error}, "required": ["error"]}


def _anthropic(status: int) -> dict[str, Any]:
    exactly = {"properties": {"error": {"properties": {"type": {"enum": [anthropic.type_of(status)]}}}}}
    return {"allOf": [answers.ref("MessageErrorResponse"), exactly]}


def _response(meanings: list[str], schema: dict[str, Any], *headers: str) -> dict[str, Any]:
    return {
        "description": "\n".join(meanings),
        "headers": answered(*headers),
        "content": {JSON: {"schema": schema}},
    }


def of(operation: Operation, method: str, path: str, *, free: bool) -> frozenset[int]:
    """The statuses of errors that this method of this path may have."""
    codes = EVERYWHERE | operation.errors
    codes |= frozenset() if free else {401}
    codes |= {404} if "{" in path else frozenset()
    codes |= {429} if method == "post" and not path.endswith("/cancel") else frozenset()
    if operation.body is not None or operation.endpoint is not None:
        codes |= {413, 415}
    if operation.endpoint is not None:
        codes |= {404, 409, 422, 504}
    if 429 in codes and dialect_of(path) is ANTHROPIC:
        codes |= {529}
    return codes - operation.others.keys()


def _docs(kind: type[JobError]) -> dict[str, str]:
    docs = {kind.code: doc(kind)}
    for one in kind.__subclasses__():
        docs |= _docs(one)
    return docs

"""Which errors the OpenAPI document names: a response for each status, with the codes that come with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.openapi import doc
from tasks.values.errors import JobError
from web.http.errors import ANSWERS
from web.openapi.operation import JSON, Operation
from web.openapi.parameters import answered

EVERYWHERE = frozenset({400, 403, 500, 503})
ELSEWHERE = frozenset({405, 408, 414, 431})  # of requests that come to no operation; one response tells them all
REST = "AnyError"
_NAMED_HERE = {
    "invalid_request": "The request is not HTTP, or is not one that this server can read.",
    "internal_error": "Something went wrong here; the log of the server says what.",
    "range_not_satisfiable": "No part of the content is in the range.",
    "uri_too_long": "The request line is longer than this server takes.",
    "headers_too_large": "The headers are larger, or more, than this server takes.",
}


def name(status: int) -> str:
    """What the response of a status is called."""
    return f"Error{status}"


def responses() -> Iterator[tuple[str, dict[str, Any]]]:
    """A response for every status that an operation's errors have, and one for the rest."""
    told = {**_docs(JobError), **_NAMED_HERE}
    for status in sorted({answer.status for answer in ANSWERS.values()} - ELSEWHERE):
        codes = [code for code, answer in ANSWERS.items() if answer.status == status]
        types = sorted({ANSWERS[code].type for code in codes})
        exactly = {"properties": {"code": {"enum": codes}, "type": {"enum": types}}}
        error = {"allOf": [{"$ref": "#/components/schemas/Error"}, exactly]}
        schema = {"type": "object", "properties": {"error": error}, "required": ["error"]}
        more = ("Retry-After",) if status in (429, 503) else ()
        yield name(status), _response([f"- `{code}`: {told[code]}" for code in codes], schema, *more)
    rest = [
        f"- {answer.status} `{code}`: {told[code]}" for code, answer in ANSWERS.items() if answer.status in ELSEWHERE
    ]
    yield REST, _response(["Any other error:", *rest], {"$ref": "#/components/schemas/ErrorResponse"})


def _response(told: list[str], schema: dict[str, Any], *headers: str) -> dict[str, Any]:
    return {
        "description": "\n".join(told),
        "headers": answered(*headers),
        "content": {JSON: {"schema": schema}},
    }


def of(operation: Operation, method: str, path: str, *, free: bool) -> frozenset[int]:
    """The statuses of errors that this method of this path may have."""
    found = EVERYWHERE | operation.errors
    found |= frozenset() if free else {401}
    found |= {404} if "{" in path else frozenset()
    found |= {429} if method == "post" and not path.endswith("/cancel") else frozenset()
    if operation.body is not None or operation.endpoint is not None:
        found |= {413, 415}
    if operation.endpoint is not None:
        found |= {404, 409, 422, 504}
    return found - operation.others.keys()


def _docs(kind: type[JobError]) -> dict[str, str]:
    found = {kind.code: doc(kind)}
    for one in kind.__subclasses__():
        found |= _docs(one)
    return found

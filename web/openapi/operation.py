"""What a view says of itself for the OpenAPI document: its name and its answers; the rest is known already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from schemas.fields import Body
from web.endpoint import Endpoint

JSON, SSE, FORM = "application/json", "text/event-stream", "multipart/form-data"
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operation:
    """One method of one route.

    `answers` are the types of a success by their media types: values of `schemas/answers`, several of them as a tuple,
    `str` for text and `bytes` for anything else. `endpoint` is given where calls are jobs; elsewhere `body` reads
    the body, `files` names those of its fields that are uploads, and `query` reads the query. `headers` are the names
    of the request's headers in `parameters.HEADERS`. `errors` are statuses beside those that every such route may
    answer, and `others` are further answers. `example` is a JSON body to begin with, of models of the README.
    """

    id: str
    answers: Mapping[str, Any]
    endpoint: Endpoint | None = None
    body: type[Body] | None = None
    files: frozenset[str] = frozenset()
    query: type[Body] | None = None
    headers: tuple[str, ...] = ()
    status: int = 200
    errors: frozenset[int] = frozenset()
    others: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    example: Mapping[str, Any] | None = None
    about: str = ""


def operation(
    id: str, answer: Any = None, media: Mapping[str, Any] | None = None, **more: Any
) -> Callable[[View], View]:
    """Say of a view what it is called, and what it answers as JSON and as other `media`."""
    answers = {**({} if answer is None else {JSON: answer}), **(media or {})}

    def say(view: View) -> View:
        view.__dict__["operation"] = Operation(id, answers, **more)
        return view

    return say


def of(view: Callable[..., Any]) -> Operation:
    """What a view has said; LookupError when it has not."""
    operation = view.__dict__.get("operation")
    if not isinstance(operation, Operation):
        raise LookupError(f"{view.__module__}.{view.__name__} has no @operation for the OpenAPI document")
    return operation

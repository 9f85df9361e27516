"""What the OpenAPI document tells of successes: the responses of an operation, and the values that they hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from schemas.answers.base import Error, ErrorResponse
from schemas.answers.jobs import Job, JobsStreamAnswer
from schemas.answers.messages import MessageBatchIndividualResponse, MessageErrorResponse
from schemas.openapi import BINARY, doc
from tasks.values import events
from web.http.anthropic import ANTHROPIC
from web.http.errors import OPENAI
from web.openapi import parameters
from web.openapi.operation import JSON, SSE, Operation

SCHEMAS = "#/components/schemas/"
_ALWAYS = (Error, ErrorResponse, MessageErrorResponse, MessageBatchIndividualResponse, Job, JobsStreamAnswer)
_FAILED = {OPENAI: ErrorResponse, ANTHROPIC: MessageErrorResponse}  # in a stream


def components(operations: Iterable[Operation]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The JSON schemas of all values that operations answer, and of a job's events, by their names."""
    media = [one for operation in operations for one in (operation.answers, *operation.others.values())]
    types = [one for of_media in media for operation in of_media.values() for one in _several(operation)]
    values = sorted({*_ALWAYS, *filter(_is_value, types)}, key=lambda one: one.__name__)
    _, schemas = msgspec.json.schema_components(values, ref_template=SCHEMAS + "{name}")
    (event,), of_events = msgspec.json.schema_components([events.Event], ref_template=SCHEMAS + "Event{name}")
    for name, shown in {
        **schemas,
        "JobEvent": event,
        **{f"Event{name}": one for name, one in of_events.items()},
    }.items():
        yield name, _plain(shown)


def successes(operation: Operation) -> Iterator[tuple[int, dict[str, Any]]]:
    """The responses that are not errors, by their statuses."""
    of_call = ("X-Job-ID",) if operation.endpoint is not None else ()
    media = dict(operation.answers)
    if operation.endpoint is not None and SSE in media:
        media[SSE] = (*_several(media[SSE]), _FAILED[operation.endpoint.dialect])
    yield operation.status, _success(media, *of_call)
    if operation.endpoint is not None:
        yield 202, _success({JSON: Job}, *of_call, "Location", "Preference-Applied")
    for status, other in operation.others.items():
        yield status, _success(other)


def _success(answers: Mapping[str, Any], *headers: str) -> dict[str, Any]:
    main = next(iter(answers.values()), None)
    shown = {
        "description": doc(main) if _is_value(main) else "Done.",
        "headers": parameters.answered("X-Request-ID", "X-Ignored-Fields", *headers),
    }
    content = {media: {"schema": _schema(one)} for media, one in answers.items()}
    return {**shown, "content": content} if content else shown


def _schema(answer: Any) -> dict[str, Any]:
    several = [_one(one) for one in _several(answer)]
    return {"anyOf": several} if len(several) > 1 else several[0]


def _one(answer: Any) -> dict[str, Any]:
    if _is_value(answer):
        return ref(answer.__name__)
    return dict(BINARY) if answer is bytes else msgspec.json.schema(answer)


def _is_value(answer: Any) -> bool:
    return isinstance(answer, type) and issubclass(answer, msgspec.Struct)


def _several(answer: Any) -> tuple[Any, ...]:
    return answer if isinstance(answer, tuple) else (answer,)


def ref(name: str) -> dict[str, Any]:
    """A reference to a component."""
    return {"$ref": SCHEMAS + name}


def _plain(shown: dict[str, Any]) -> dict[str, Any]:
    """A value's schema without a second name, and with its docstring's lines joined."""
    return {
        name: " ".join(value.split()) if name == "description" else value
        for name, value in shown.items()
        if name != "title"
    }

"""An endpoint that makes jobs: what it reads, which models serve it, and how its answer looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.fields import Body
from tasks.values.events import Event
from tasks.values.fold import Result
from tasks.values.job import Job
from tasks.values.requests import Payload


class Rendered(NamedTuple):
    """An answer's body, and what it is."""

    data: bytes
    content_type: str = "application/json"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One path below /v1 whose every call is a job.

    `payload` and `options` are made from the checked body; `body` renders a finished job's result, and what `chunks`
    returns turns one event after the other into a stream's chunks, where the endpoint streams. `files` names the
    fields that hold uploads, and `several` those of them that may hold more than one; `json` says that a body with
    uploads may also be JSON, with data URLs or ids of files and blobs in them.
    """

    path: str
    model_types: frozenset[str]
    schema: type[Body]
    payload: Callable[[Mapping[str, Any]], Payload]
    body: Callable[[Job, Result], Rendered]
    options: Callable[[Mapping[str, Any]], dict[str, Any]] = field(default=lambda data: {})
    chunks: Callable[[Job], Callable[[Event], Iterator[object]]] | None = None
    files: frozenset[str] = frozenset()
    several: frozenset[str] = frozenset()
    json: bool = False

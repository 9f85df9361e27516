"""An endpoint that makes jobs: what it reads, which models serve it, and how its answer looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from mlxq.settings import Settings
from schemas.fields import Body
from tasks.values.events import Event
from tasks.values.job import Job, RenderOptions, Storage
from tasks.values.requests import Payload
from tasks.values.results import Result
from web.http.errors import OPENAI, Dialect
from web.identity import Caller
from web.render.text.chunks import Chunks, Plain, StreamedBody

P = ParamSpec("P")
T = TypeVar("T")


class Rendered(NamedTuple):
    """An answer's body, and what it is."""

    data: bytes
    content_type: str = "application/json"


def for_anyone(function: Callable[P, T]) -> Callable[Concatenate[Caller, P], T]:
    """A function of an endpoint whose answer is the same for every caller."""

    def called(_: Caller, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return function(*args, **kwargs)

    return called


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One path below /v1 whose every call is a job.

    What a checked body refers to is looked up by `resolve`, in the caller's name. `payload` and `options` are made from
    the body; `body` renders a finished job's result, and what `chunks` returns turns one event after the other into a
    stream's chunks, where the endpoint streams; `stream` stands in its place where that depends on more than the event.
    `stream_field` is the field that asks for it. What `streamed_body` returns writes a body while the job is made, for
    calls that do not ask for a stream.
    `keep` is how many seconds a result is kept, None as long as others. `files` names the
    fields that hold uploads, and `several` those of them that may hold more than one; `json` says that a body with
    uploads may also be JSON, with data URLs or ids of files and blobs in them. `storage` says of a body, as it was sent
    and as it was checked, how its answer is stored, if it is. `dialect` is how failures are told.
    """

    path: str
    model_types: frozenset[str]
    schema: type[Body]
    payload: Callable[[Mapping[str, Any]], Payload]
    body: Callable[[Caller, Job, Result], Rendered]
    options: Callable[[Caller, Mapping[str, Any]], RenderOptions] = field(default=lambda caller, data: RenderOptions())
    storage: Callable[[Caller, Mapping[str, Any], Mapping[str, Any]], Storage | None] = field(
        default=lambda caller, raw, data: None
    )
    chunks: Callable[[Caller, Job], Callable[[Event], Iterator[object]]] | None = None
    stream: Callable[[Caller, Job], Chunks] | None = None
    stream_field: str = "stream"
    streamed_body: Callable[[Caller, Job], StreamedBody] | None = None
    resolve: Callable[[Caller, Mapping[str, Any], str], Mapping[str, Any]] = field(
        default=lambda caller, data, within: data
    )
    keep: Callable[[Settings, Mapping[str, Any]], int | None] = field(default=lambda settings, data: None)
    files: frozenset[str] = frozenset()
    several: frozenset[str] = frozenset()
    json: bool = False
    dialect: Dialect = OPENAI

    @property
    def names_model(self) -> bool:
        """Whether a call has to name its model, as every call for text has to with OpenAI.

        Without a name, others mean the only model that serves the endpoint.
        """
        return "lm" in self.model_types

    @property
    def streams(self) -> bool:
        """Whether its answers can be streamed."""
        return self.chunks is not None or self.stream is not None

    def streamed(self, caller: Caller, job: Job) -> Chunks:
        """What makes a stream of a job's events."""
        if self.stream is not None:
            return self.stream(caller, job)
        assert self.chunks is not None  # noqa: S101  (nobody asks where nothing streams)
        return Plain(job, self.chunks(caller, job), self.dialect)

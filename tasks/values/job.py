"""The Job: one value for a synchronous call, a stream, a job polled later and a line of a batch."""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import Any, Literal

import msgspec

from tasks.values.blob_ref import BlobRef
from tasks.values.errors import Failure
from tasks.values.events import Cancelled, Event, Expired, Usage
from tasks.values.requests import ChatRequest, Payload
from tasks.values.responses import Response

VERSION = 3
READABLE = frozenset({1, 2, 3})
PRIORITY_STEP = 60_000  # milliseconds of waiting that a step of priority is worth


class Lane(StrEnum):
    """Who goes first: people waiting, then jobs polled later, then bulk work."""

    INTERACTIVE = "interactive"
    JOBS = "jobs"
    BATCH = "batch"


class Status(StrEnum):
    """Where a job stands; the last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def terminal(self) -> bool:
        return self not in (Status.QUEUED, Status.RUNNING)


class Listing(StrEnum):
    """Which of its owner's lists a job stands in."""

    JOBS = "jobs"
    SYNC = "sync"
    LINES = "lines"


class Webhook(msgspec.Struct, frozen=True):
    """Where a job's end is told, and which ends are (`job.succeeded` …); all of them when `events` is empty."""

    url: str
    events: tuple[str, ...] = ()


class Storage(msgspec.Struct, frozen=True, omit_defaults=True):
    """How what a job answers is stored when it succeeds: for `keep` seconds, and with its caller's words about it.

    The blob `input` holds what was asked, as it is shown later.
    """

    keep: int
    input: BlobRef
    metadata: dict[str, str] = {}


class RenderOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """What rendering an answer needs to know of its call besides the payload; each endpoint sets its own."""

    include_usage: bool = False
    encoding_format: Literal["float", "base64"] = "float"
    response_format: Literal["json", "text", "b64_json", "url", "srt", "vtt", "verbose_json"] | None = None
    granularities: tuple[Literal["segment", "word"], ...] = ("segment",)  # what a transcript tells the times of
    max_model_len: int | None = None  # tokens
    top_n: int | None = None
    return_documents: bool | None = None
    documents: tuple[str | dict[str, Any], ...] = ()  # as they were sent, where any was more than a text
    custom_tools: tuple[str, ...] = ()  # which of the tools are given a text, and are not functions
    namespaces: dict[str, str] = {}  # of the tools that have one, by the names that the model calls them by
    function_call: bool = False  # a call is shown in OpenAI's older form, as it was asked for
    response: Response | None = None
    omit_thinking: bool = False  # thinking is shown as empty


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, by whom and until when; times are milliseconds since the epoch by Redis' clock.

    `options` mean nothing to a worker. `keep` is how long, in seconds, record and result are kept after the end.
    `cancels` says that the deadline cancels the job.
    """

    id: str
    owner: str
    model: str
    endpoint: str
    payload: Payload
    created: int
    deadline: int
    lane: Lane
    keep: int
    sync: bool = False
    stream: bool = False
    detached: bool = False  # runs on when its client goes away
    options: RenderOptions = RenderOptions()
    metadata: dict[str, str] = {}
    inputs: tuple[BlobRef, ...] = ()
    request_id: str = ""
    idempotency_key: str | None = None
    labels: tuple[str, ...] = ()
    priority: int = 0
    cancels: bool = False
    webhook: Webhook | None = None
    storage: Storage | None = None
    ignored: tuple[str, ...] = ()  # where fields of the body stand that nobody here knows
    v: int = VERSION

    @property
    def listing(self) -> Listing:
        """Lines of batches and synchronous calls are listed only where they are asked for."""
        if self.lane is Lane.BATCH:
            return Listing.LINES
        return Listing.SYNC if self.sync else Listing.JOBS

    @property
    def place(self) -> int:
        """What the jobs of a lane are ordered by: creation, moved by priority. None starves, none leaves its lane."""
        return self.created - self.priority * PRIORITY_STEP

    @property
    def held(self) -> tuple[BlobRef, ...]:
        """The blobs that go with it: what it was given, and what is kept of its request."""
        request = None if self.options.response is None else self.options.response.blob
        sent = None if self.storage is None else self.storage.input
        return (*self.inputs, *(ref for ref in (request, sent) if ref is not None))

    @property
    def lasting(self) -> bool:
        """Whether it is kept for as long as nobody deletes it, more or less, so that Redis is to hold little of it."""
        return self.options.response is not None and self.options.response.stored

    @property
    def past(self) -> Job:
        """What is kept of it when it has ended: a response keeps its input elsewhere."""
        if self.options.response is None or not isinstance(self.payload, ChatRequest):
            return self
        return msgspec.structs.replace(self, payload=msgspec.structs.replace(self.payload, messages=(), tools=()))

    @property
    def overdue(self) -> Cancelled | Expired:
        """How it ends when its deadline passes."""
        return Cancelled("cancel_after") if self.cancels else Expired()


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A job with what has become of it; times in milliseconds since the epoch."""

    job: Job
    status: Status
    attempt: int = 0
    progress: int = 0  # percent
    position: int | None = None  # jobs ahead of it while queued
    started: int | None = None
    finished: int | None = None
    expires: int | None = None
    failure: Failure | None = None
    usage: Usage | None = None
    result: bytes | BlobRef | None = None
    outputs: tuple[BlobRef, ...] = ()  # what the result refers to
    request: BlobRef | None = None  # where the job itself is kept, when it is large
    terminal: Event | None = None
    last: str = "0-0"  # the id of its last event, once it has ended


_decoder = msgspec.json.Decoder(Job)


def encode(job: Job) -> bytes:
    """A job as its record holds it."""
    return msgspec.json.encode(job)


def decode(data: bytes) -> Job:
    """The job in these bytes; ValueError for a version that this code does not read."""
    job = _decoder.decode(data)
    if job.v not in READABLE:
        raise ValueError(f"job of version {job.v}; this mlxq reads {sorted(READABLE)}")
    return job


def new_id(prefix: str, now: int) -> str:
    """A new id, `prefix` and a UUIDv7 whose time is `now`, in microseconds: ids sort as their records were made.

    RFC 9562, section 5.7, with the fraction of the millisecond in `rand_a` (section 6.2, method 3).
    """
    milliseconds, micros = divmod(now, 1000)
    fraction = micros * 4096 // 1000
    value = (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | secrets.randbits(62)
    return f"{prefix}{value:032x}"


def job_id(now: int) -> str:
    """The id of a new job."""
    return new_id("job_", now)

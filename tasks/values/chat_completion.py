"""A stored chat completion: its record, and what is kept beside it of the job that made it."""

from __future__ import annotations

import msgspec

from tasks.values import job
from tasks.values.blob_ref import BlobRef
from tasks.values.job import Job
from tasks.values.requests import ChatRequest
from tasks.values.results import Result

PREFIX = "chatcmpl-"
VERSION = 2
READABLE = frozenset({1, 2})
MOST = 100_000  # of an owner; then the oldest go


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """A stored chat completion as its record holds it; times are milliseconds since the epoch.

    The blob `input` holds the messages that were sent, as they are shown, and `output` an `Output`.
    """

    id: str
    owner: str
    model: str
    created: int
    input: BlobRef
    output: BlobRef
    adapter: str = ""
    v: int = VERSION


class Output(msgspec.Struct, frozen=True):
    """What a completion is rendered from: the job without what it was asked, and its result."""

    job: Job
    result: Result


def completion_id(of: Job) -> str:
    """The id of what a job answers."""
    return PREFIX + of.id.removeprefix("job_")


def encode(completion: Completion) -> bytes:
    """A completion as its record holds it."""
    return msgspec.json.encode(completion)


def decode(data: bytes) -> Completion:
    """The completion in these bytes; ValueError for a version that this code does not read."""
    completion = msgspec.json.decode(data, type=Completion)
    if completion.v not in READABLE:
        raise ValueError(f"chat completion of version {completion.v}; this mlxq reads {sorted(READABLE)}")
    return completion


def encode_output(done: Job, result: bytes) -> bytes:
    """The `Output` of a chat that is done, whose result is encoded already."""
    assert isinstance(done.payload, ChatRequest)  # noqa: S101  (nothing else is stored)
    shown = ChatRequest(messages=(), logprobs=done.payload.logprobs)
    slim = msgspec.structs.replace(
        done, payload=shown, storage=None, inputs=(), metadata={}, labels=(), ignored=(), webhook=None
    )
    return msgspec.json.encode({"job": slim, "result": msgspec.Raw(result)})


def decode_output(data: bytes) -> Output:
    """The output in these bytes; ValueError for a version that this code does not read."""
    output = msgspec.json.decode(data, type=Output)
    if output.job.v not in job.READABLE:
        raise ValueError(f"job of version {output.job.v}; this mlxq reads {sorted(job.READABLE)}")
    return output

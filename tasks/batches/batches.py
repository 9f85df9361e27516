"""Batches: many calls in a file, each a job, behind one record; what their owner asks and sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import msgspec

from tasks.redis.scripts import answers
from tasks.redis.store import JobStore
from tasks.redis.unreadable import pass_over, readable
from tasks.stored.files import File, stretch
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import IdempotencyMismatch, JobConflict, NotFound, UnreadableRecord
from tasks.values.events import Usage
from tasks.values.job import new_id

PREFIX = "batch_"
VERSION = 1
READABLE = frozenset({1})
_IDEMPOTENT = "/v1/batches"  # the endpoint that idempotency keys of batches belong to


class Status(StrEnum):
    """Where a batch stands; the last four are final."""

    VALIDATING = "validating"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        return self in (Status.COMPLETED, Status.FAILED, Status.EXPIRED, Status.CANCELLED)


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked; times are milliseconds since the epoch, `output_keep` is in seconds."""

    id: str
    owner: str
    endpoint: str
    input_file: str
    input: BlobRef
    window: str
    created: int
    deadline: int
    metadata: dict[str, str] | None = None
    output_keep: int | None = None
    idempotency_key: str | None = None
    v: int = VERSION


class Problem(msgspec.Struct, frozen=True):
    """Why a batch never ran; `line` counts the input's lines from 1."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None


class Sizes(NamedTuple):
    """Bytes of a batch's files that hold whole lines, each of them once."""

    output: int = 0
    error: int = 0


class Cursor(NamedTuple):
    """How far the input was taken: lines, and bytes."""

    line: int = 0
    offset: int = 0


class BatchState(msgspec.Struct, frozen=True, kw_only=True):
    """A batch with what has become of it; times in milliseconds since the epoch, by the status they began."""

    batch: Batch
    status: Status
    times: Mapping[Status, int] = {}
    outcome: Status = Status.COMPLETED  # what it will be once it is finalized
    cursor: Cursor = Cursor()
    sizes: Sizes = Sizes()
    total: int = 0
    completed: int = 0
    failed: int = 0
    usage: Usage = Usage()
    problems: tuple[Problem, ...] = ()
    model: str | None = None
    output_file: str | None = None
    error_file: str | None = None
    expires: int | None = None


class Page(NamedTuple):
    """A stretch of a listing, newest first."""

    states: tuple[BatchState, ...]
    has_more: bool


@dataclass(frozen=True)
class Batches:
    """Make, read, list and cancel batches."""

    store: JobStore

    def create(
        self,
        file: File,
        *,
        endpoint: str,
        window: str,
        seconds: int,
        metadata: dict[str, str] | None,
        output_keep: int | None,
        idempotency_key: str | None = None,
        digest: str = "",
    ) -> BatchState:
        """Record a batch of a file's lines, which ends after `seconds`; it holds the file's bytes until it ends.

        The same idempotency key joins the batch it made before; IdempotencyMismatch when the digest is another.
        """
        clock = self.store.clock()
        created = clock // 1000
        batch = Batch(
            id=new_id(PREFIX, clock),
            owner=file.owner,
            endpoint=endpoint,
            input_file=file.id,
            input=file.blob,
            window=window,
            created=created,
            deadline=created + 1000 * seconds,
            metadata=metadata,
            output_keep=output_keep,
            idempotency_key=idempotency_key,
        )
        keys = self.store.keys
        with answers():
            answer, outcome = self.store.scripts.run(
                "open_batch",
                [
                    keys.batch(batch.id),
                    keys.batches(batch.owner),
                    keys.running(),
                    keys.blob(batch.input.sha256),
                    keys.notify_batches(),
                    keys.idempotency(batch.owner, idempotency_key or ""),
                ],
                [
                    batch.id,
                    created,
                    batch.owner,
                    encode(batch),
                    _IDEMPOTENT if idempotency_key else "",
                    digest,
                    keys.batch(""),
                ],
            )
        if outcome == b"mismatch":
            raise IdempotencyMismatch(f"this Idempotency-Key belongs to {answer.decode()}, which was asked otherwise")
        return self.get(answer.decode(), batch.owner)

    def get(self, batch_id: str, owner: str) -> BatchState:
        """One of the owner's batches; NotFound for anybody else's."""
        (state,) = self.read([batch_id])
        if state is None or state.batch.owner != owner or _over(state, self.store.now()):
            raise NotFound(f"no batch '{batch_id}'")
        return state

    def read(self, ids: list[str]) -> list[BatchState | None]:
        """Many batches in one round trip; None where there is none, or none that can be read."""
        with answers(), self.store.redis.pipeline(transaction=False) as pipe:
            for batch_id in ids:
                pipe.hgetall(self.store.keys.batch(batch_id))
            rows = pipe.execute()
        return [_readable(batch_id, fields) for batch_id, fields in zip(ids, rows, strict=True)]

    def list(self, owner: str, *, limit: int, after: str | None = None) -> Page:
        """The owner's batches, newest first, those after the cursor `after` (a batch's id)."""
        key, states = self.store.keys.batches(owner), list[BatchState]()
        now = self.store.now()
        while len(states) <= limit:
            with answers():
                ids = stretch(self.store.redis, key, after, True, limit + 1)
            states += [state for state in self.read(ids) if state is not None and not _over(state, now)]
            if len(ids) <= limit:
                break
            after = ids[-1]
        return Page(tuple(states[:limit]), len(states) > limit)

    def cancel(self, batch_id: str, owner: str) -> BatchState:
        """Have a batch end before its time, with what is done by then; JobConflict when it has ended."""
        self.get(batch_id, owner)
        keys, going = self.store.keys, (Status.VALIDATING, Status.IN_PROGRESS)
        with answers():
            status = self.store.scripts.run(
                "move_batch",
                [keys.batch(batch_id), keys.runner(), keys.notify_batches()],
                ["", Status.CANCELLING, time_field(Status.CANCELLING), len(going), *going],
            )
        if status is not None and status.decode() != Status.CANCELLING:
            raise JobConflict(f"'{batch_id}' cannot be cancelled: it is {status.decode()}")
        return self.get(batch_id, owner)

    def delete(self, batch_id: str, owner: str) -> None:
        """Remove a batch that has ended; its files stay. JobConflict when it has not."""
        if not self.get(batch_id, owner).status.terminal:
            raise JobConflict(f"'{batch_id}' has not ended; cancel it first")
        self.expire(batch_id)

    def expire(self, batch_id: str) -> None:
        """Remove a batch whose time is over; its files have their own."""
        (state,) = self.read([batch_id])
        if state is not None and state.status.terminal:
            key = state.batch.idempotency_key
            with self.store.redis.pipeline() as pipe:
                if key:
                    pipe.hdel(self.store.keys.idempotency(state.batch.owner, key), _IDEMPOTENT)
                pipe.zrem(self.store.keys.batches(state.batch.owner), batch_id)
                pipe.delete(self.store.keys.batch(batch_id))
                pipe.execute()


def encode(batch: Batch) -> bytes:
    """What was asked, as the record holds it."""
    return msgspec.json.encode(batch)


def decode(data: bytes) -> Batch:
    """What was asked, from these bytes; ValueError for a version that this code does not read."""
    batch = msgspec.json.decode(data, type=Batch)
    if batch.v not in READABLE:
        raise ValueError(f"batch of version {batch.v}; this mlxq reads {sorted(READABLE)}")
    return batch


def _readable(batch_id: str, fields: Mapping[bytes, bytes]) -> BatchState | None:
    try:
        with readable(batch_id):
            return _state(fields)
    except UnreadableRecord as error:
        pass_over(batch_id, str(error))
        return None


def _state(fields: Mapping[bytes, bytes]) -> BatchState | None:
    """The batch in a record's fields."""
    if b"spec" not in fields:
        return None

    def number(name: str) -> int:
        return int(fields.get(name.encode(), 0))

    def text(name: str) -> str | None:
        return fields[name.encode()].decode() if name.encode() in fields else None

    return BatchState(
        batch=decode(fields[b"spec"]),
        status=Status(fields[b"status"].decode()),
        times={status: number(time_field(status)) for status in Status if time_field(status).encode() in fields},
        outcome=Status(text("outcome") or Status.COMPLETED),
        cursor=Cursor(number("line"), number("offset")),
        sizes=Sizes(number("output"), number("error")),
        total=number("total"),
        completed=number("completed"),
        failed=number("failed"),
        usage=Usage(
            number("prompt_tokens"),
            number("completion_tokens"),
            number("cached_tokens"),
            reasoning_tokens=number("reasoning_tokens"),
        ),
        problems=msgspec.json.decode(fields.get(b"problems", b"[]"), type=tuple[Problem, ...]),
        model=text("model"),
        output_file=text("output_file"),
        error_file=text("error_file"),
        expires=number("expires") or None,
    )


def time_field(status: Status) -> str:
    """The field that says when a batch came to a status."""
    return f"{status}_at"


def _over(state: BatchState, now: int) -> bool:
    return state.expires is not None and state.expires <= now

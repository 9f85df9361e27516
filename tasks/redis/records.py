"""Reading jobs: their records, listings and results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import msgspec
import structlog
from redis import Redis

from tasks.blobs import BlobStore
from tasks.redis.keys import Keys
from tasks.redis.scripts import answers
from tasks.redis.search import Criteria
from tasks.values import events, fold, job
from tasks.values.errors import Failure, JobNotFinished, NotFound, UnreadableRecord
from tasks.values.job import Job, Lane, Listing, Record, Status
from tasks.values.requests import BlobRef

INLINE = 64 * 1024  # bytes; what is larger becomes a blob
ANY = Criteria()
log = structlog.get_logger()


class Page(NamedTuple):
    """A stretch of a listing, newest first."""

    records: tuple[Record, ...]
    has_more: bool


@dataclass(frozen=True)
class Records:
    """What Redis and the blobs hold of jobs."""

    redis: Redis
    keys: Keys
    blobs: BlobStore

    def clock(self) -> int:
        """Redis' time, in microseconds since the epoch: the one clock that every process shares."""
        with answers():
            seconds, micros = self.redis.time()
        return int(seconds) * 1_000_000 + int(micros)

    def now(self) -> int:
        """Redis' time in milliseconds, as records hold it."""
        return self.clock() // 1000

    def ended(self, job_id: str) -> bool:
        """Whether a job has ended, or is gone."""
        with answers():
            status = self.redis.hget(self.keys.job(job_id), "status")
        return status is None or Status(status.decode()).terminal

    def get(self, job_id: str, owner: str) -> Record:
        """The record of one of the owner's jobs; NotFound for anybody else's."""
        record = self.find(job_id)
        if record is None or record.job.owner != owner:
            raise NotFound(f"no job '{job_id}'")
        return record

    def find(self, job_id: str, *, expired: bool = False) -> Record | None:
        """The record of a job, whoever owns it; None when it never was or, unless `expired`, its time is over.

        UnreadableRecord when a later version of mlxq has written it.
        """
        with answers():
            fields = self.redis.hgetall(self.keys.job(job_id))
        now = None if expired or b"expires" not in fields else self.now()
        try:
            record = self._record(job_id, fields, now)
        except NotFound as error:  # somebody deleted the file that its request was kept in
            pass_over(job_id, str(error))
            return None
        return None if record is None else self._placed(record)

    def read(self, ids: Sequence[str]) -> list[Record | None]:
        """The records of many jobs in one round trip, also of those whose time is over; without queue positions.

        None where there is none, or none that can be read.
        """
        return self._fetch(ids, None)

    def _fetch(self, ids: Sequence[str], now: int | None) -> list[Record | None]:
        with answers(), self.redis.pipeline(transaction=False) as pipe:
            for job_id in ids:
                pipe.hgetall(self.keys.job(job_id))
            found = pipe.execute()
        return [self._readable(job_id, fields, now) for job_id, fields in zip(ids, found, strict=True)]

    def result(self, record: Record) -> fold.Result:
        """What a finished job made; JobNotFinished before that, NotFound when it ended without a result."""
        if not record.status.terminal:
            raise JobNotFinished(f"{record.job.id} is {record.status}")
        if record.result is None:
            raise NotFound(f"{record.job.id} ended without a result: it is {record.status}")
        return self._decoded(record.job.id, record.result)

    def made(self, job_id: str) -> fold.Result:
        """What a job made that is known to have succeeded, without the rest of its record; NotFound when it is gone."""
        with answers():
            packed = self.redis.hget(self.keys.job(job_id), "result")
        if packed is None:
            raise NotFound(f"the result of {job_id} is gone")
        return self._decoded(job_id, reference(packed) or packed)

    def _decoded(self, job_id: str, result: bytes | BlobRef) -> fold.Result:
        data = self.blobs.read(result) if isinstance(result, BlobRef) else result
        with readable(f"the result of {job_id}"):
            return fold.decode(data)

    def list(
        self,
        owner: str | None,
        *,
        limit: int,
        after: str | None = None,
        criteria: Criteria = ANY,
        include: Listing | None = None,
    ) -> Page:
        """The jobs of an owner, of every owner when it is None, newest first.

        They begin after the cursor `after` (a job's id); `include` adds another list.
        """
        found: list[Record] = []
        listings = (Listing.JOBS,) if include is None else (Listing.JOBS, include)
        ids = self._all(after) if owner is None else self._ids(owner, after, criteria, listings)
        for record in self._each(ids, limit + 1):
            job = record.job
            if owner in (None, job.owner) and job.listing in listings and criteria.fit(record):
                found.append(record)
            if len(found) > limit:
                break
        return Page(tuple(self._placed(record) for record in found[:limit]), len(found) > limit)

    def _each(self, ids: Iterable[str], at_once: int) -> Iterator[Record]:
        wanted = iter(ids)
        while some := tuple(islice(wanted, at_once)):
            now = self.now()
            yield from (record for record in self._fetch(some, now) if record is not None)

    def _ids(self, owner: str, after: str | None, criteria: Criteria, listings: Iterable[Listing]) -> Iterable[str]:
        since = "-inf" if criteria.since is None else criteria.since
        before = "+inf" if criteria.before is None else f"({criteria.before}"
        ids: list[bytes] = []
        with answers():
            for listing in listings:
                ids += self.redis.zrangebyscore(self.keys.index(owner, listing), since, before)
        return _newest_first(ids, after)

    def _all(self, after: str | None) -> Iterable[str]:
        """Every job that there is: it has a deadline until it ends, and then a time until which it is kept."""
        with answers():
            ids = self.redis.zrange(self.keys.deadlines(), 0, -1) + self.redis.zrange(self.keys.expiry(), 0, -1)
        return _newest_first(set(ids), after)

    def by_idempotency_key(self, owner: str, key: str) -> tuple[Record, ...]:
        """The owner's jobs made with this idempotency key, at most one an endpoint."""
        with answers():
            values = self.redis.hvals(self.keys.idempotency(owner, key))
        records = (self.find(value.decode().split(" ")[0]) for value in values)
        return tuple(record for record in records if record is not None)

    def owns_blob(self, owner: str, sha256: str) -> BlobRef | None:
        """A blob that one of the owner's records holds."""
        with answers():
            held = self.redis.hexists(self.keys.blob(sha256), owner)
        path = self.blobs.path(BlobRef(sha256, 0, ""))
        if not held or not path.exists():
            return None
        self.blobs.touch(BlobRef(sha256, 0, ""))  # its record may go before the next one holds it
        return BlobRef(sha256, path.stat().st_size, "application/octet-stream")

    def holds_blob(self, sha256: str) -> bool:
        """Whether any record holds a blob."""
        with answers():
            return bool(self.redis.exists(self.keys.blob(sha256)))

    def pack(self, data: bytes, type: str) -> bytes:
        """Bytes as a record holds them: themselves, or `@` and the reference of a blob when they are large."""
        return data if len(data) <= INLINE else b"@" + msgspec.json.encode(self.blobs.put(data, type))

    def unpack(self, packed: bytes) -> bytes:
        """The bytes that `pack` packed."""
        ref = reference(packed)
        return packed if ref is None else self.blobs.read(ref)

    def _placed(self, record: Record) -> Record:
        """The record with the number of jobs ahead of it while it is queued."""
        if record.status is not Status.QUEUED:
            return record
        return msgspec.structs.replace(record, position=self._position(record.job))

    def _position(self, queued: Job) -> int | None:
        with answers():
            rank = self.redis.zrank(self.keys.queued(queued.model, queued.lane), queued.id)
            lanes = list(Lane)
            ahead = lanes[: lanes.index(queued.lane)]
            before = sum(self.redis.zcard(self.keys.queued(queued.model, lane)) for lane in ahead)
        return None if rank is None else int(rank) + before

    def _readable(self, job_id: str, fields: Mapping[bytes, bytes], now: int | None) -> Record | None:
        try:
            return self._record(job_id, fields, now)
        except (NotFound, UnreadableRecord) as error:
            pass_over(job_id, str(error))
            return None

    def _record(self, job_id: str, fields: Mapping[bytes, bytes], now: int | None) -> Record | None:
        """The record; None when there is none, or when its time was over at `now`."""
        with readable(job_id):
            return self._parsed(fields, now)

    def _parsed(self, fields: Mapping[bytes, bytes], now: int | None) -> Record | None:
        if b"spec" not in fields:
            return None
        expires = _number(fields, b"expires")
        if now is not None and expires is not None and expires <= now:
            return None
        result = fields.get(b"result")
        return Record(
            job=job.decode(self.unpack(fields[b"spec"])),
            status=Status(fields[b"status"].decode()),
            attempt=_number(fields, b"attempt") or 0,
            progress=_number(fields, b"progress") or 0,
            started=_number(fields, b"started"),
            finished=_number(fields, b"finished"),
            expires=expires,
            failure=msgspec.json.decode(fields[b"failure"], type=Failure) if b"failure" in fields else None,
            usage=msgspec.json.decode(fields[b"usage"], type=events.Usage) if b"usage" in fields else None,
            terminal=events.decode(fields[b"terminal"]) if b"terminal" in fields else None,
            last=fields.get(b"last", b"0-0").decode(),
            result=None if result is None else reference(result) or result,
            outputs=msgspec.json.decode(fields.get(b"outputs", b"[]"), type=tuple[BlobRef, ...]),
            request=reference(fields[b"spec"]),
        )


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Raise UnreadableRecord where stored bytes are not what this version writes."""
    try:
        yield
    except (ValueError, KeyError, msgspec.MsgspecError) as error:
        message = f"{what} was written by another version of mlxq, or is damaged, and cannot be read here: {error}"
        raise UnreadableRecord(message) from error


@lru_cache(4096)
def pass_over(id: str, error: str) -> None:
    """Log, once each, that a record cannot be read: it may be listed, or looked for, again and again."""
    log.warning("a record cannot be read and is passed over", id=id, error=error)


def _newest_first(ids: Iterable[bytes], after: str | None) -> Iterable[str]:
    # An id begins with its time (UUIDv7), so ids sort as their jobs were made.
    newest_first = sorted((job_id.decode() for job_id in ids), reverse=True)
    return (job_id for job_id in newest_first if after is None or job_id < after)


def reference(packed: bytes) -> BlobRef | None:
    """The blob that packed bytes stand for, if they do."""
    return msgspec.json.decode(packed[1:], type=BlobRef) if packed[:1] == b"@" else None


def _number(fields: Mapping[bytes, bytes], name: bytes) -> int | None:
    return int(fields[name]) if name in fields else None

"""Reading jobs: their records, listings and results."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import NamedTuple

import msgspec
import structlog
from redis import Redis

from tasks.redis.keys import Keys
from tasks.redis.scripts import answers
from tasks.redis.search import Criteria
from tasks.redis.unreadable import pass_over, readable
from tasks.stored.blobs import BlobStore
from tasks.values import events, job, results
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import Failure, JobNotFinished, NotFound, UnreadableRecord
from tasks.values.job import Job, Lane, Listing, Record, Status

INLINE = 64 * 1024  # bytes; what is larger becomes a blob
ANY = Criteria()
_STRETCH = 128  # records read at once where a listing looks for few among many
_END = 1 << 48  # milliseconds that no id reaches
_TOP = "job_g"  # after every id
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
        """The record of a job of any owner; None when it never was or, unless `expired`, its time is over.

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
            rows = pipe.execute()
        return [self._readable(job_id, fields, now) for job_id, fields in zip(ids, rows, strict=True)]

    def result(self, record: Record) -> results.Result:
        """What a finished job made; JobNotFinished before that, NotFound when it ended without a result."""
        if not record.status.terminal:
            raise JobNotFinished(f"{record.job.id} is {record.status}")
        if record.result is None:
            raise NotFound(f"{record.job.id} ended without a result: it is {record.status}")
        return self._decoded(record.job.id, record.result)

    def result_of(self, job_id: str) -> results.Result:
        """What a job made that is known to have succeeded, without the rest of its record; NotFound when it is gone."""
        with answers():
            packed = self.redis.hget(self.keys.job(job_id), "result")
        if packed is None:
            raise NotFound(f"the result of {job_id} is gone")
        return self._decoded(job_id, reference(packed) or packed)

    def done_at(self, job_id: str) -> int:
        """When a job succeeded, in milliseconds since the epoch; 0 where it did not, or nobody knows."""
        with answers():
            terminal = self.redis.hget(self.keys.job(job_id), "terminal")
        event = None if terminal is None else events.decode(terminal)
        return event.at if isinstance(event, events.Done) else 0

    def _decoded(self, job_id: str, result: bytes | BlobRef) -> results.Result:
        data = self.blobs.read(result) if isinstance(result, BlobRef) else result
        with readable(f"the result of {job_id}"):
            return results.decode(data)

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
        records: list[Record] = []
        listings = (Listing.JOBS,) if include is None else (Listing.JOBS, include)
        ids = merge(*(self._ids(owner, listing, after, criteria, limit + 1) for listing in listings), reverse=True)
        for record in self._each(ids, limit + 1):
            if criteria.fit(record):
                records.append(record)
            if len(records) > limit:
                break
        return Page(tuple(self._placed(record) for record in records[:limit]), len(records) > limit)

    def _each(self, ids: Iterator[str], count: int) -> Iterator[Record]:
        while some := tuple(islice(ids, count)):
            now = self.now()
            yield from (record for record in self._fetch(some, now) if record is not None)
            count = _more(count)

    def _ids(
        self, owner: str | None, listing: Listing, after: str | None, criteria: Criteria, count: int
    ) -> Iterator[str]:
        """The ids of a list below `after`, from the highest, in stretches of `count` at first."""
        key = self.keys.everybody(listing) if owner is None else self.keys.index(owner, listing)
        since, before = criteria.since or 0, _END if criteria.before is None else criteria.before
        if listing is Listing.LINES:
            return self._lines(key, after, since, before)
        return self._stretches(key, after or _TOP, since, before, count)

    def _stretches(self, key: str, after: str, since: int, before: int, count: int) -> Iterator[str]:
        """Such ids of a list whose order is that of its ids, as both are that of the time when jobs are made."""
        at = min(_latest(after), before - 1)
        while at >= since:
            with answers(), self.redis.pipeline(transaction=False) as pipe:
                pipe.zrevrangebyscore(key, at, at)
                pipe.zrevrangebyscore(key, at - 1, since, start=0, num=count, withscores=True)
                same, older = pipe.execute()
            yield from (member.decode() for member in same if member.decode() < after)
            yield from (member.decode() for member, _ in older)
            if len(older) < count:
                return
            after, at, count = older[-1][0].decode(), int(older[-1][1]), _more(count)

    def _lines(self, key: str, after: str | None, since: int, before: int) -> Iterator[str]:
        """Such ids of lines of batches, which are of the time of their batch: all at once, as few are in flight."""
        with answers():
            members = self.redis.zrangebyscore(key, since, before - 1)
        ids = sorted((member.decode() for member in members), reverse=True)
        yield from (job_id for job_id in ids if after is None or job_id < after)

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

    def pack(self, data: bytes, type: str, most: int = INLINE) -> bytes:
        """Bytes as a record holds them: themselves, or `@` and the reference of a blob when they are large."""
        return data if len(data) <= most else b"@" + msgspec.json.encode(self.blobs.put(data, type))

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


def _latest(after: str) -> int:
    """The last millisecond that a job was made in whose id is less than `after`, which may be any text."""
    return bisect_left(range(_END), after, key=lambda at: f"job_{at:012x}") - 1


def _more(count: int) -> int:
    """How many to read next, where `count` were not enough."""
    return max(count, min(2 * count, _STRETCH))


def reference(packed: bytes) -> BlobRef | None:
    """The blob that packed bytes stand for, if they do."""
    return msgspec.json.decode(packed[1:], type=BlobRef) if packed[:1] == b"@" else None


def _number(fields: Mapping[bytes, bytes], name: bytes) -> int | None:
    return int(fields[name]) if name in fields else None

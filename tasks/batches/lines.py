"""The side of batches that runs them: lines go into flight, come back, and stand in the output once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import structlog

from tasks.batches.batches import PREFIX, Batch, Batches, BatchState, Cursor, Problem, Sizes, Status, time_field
from tasks.redis.scripts import Value, answers
from tasks.redis.store import JobStore
from tasks.stored.files import File
from tasks.values.events import Terminal, Usage
from tasks.values.job import Job, Record
from tasks.webhooks import deliveries

_ROOM = 1 << 31  # who submits lines bounds how many there are
log = structlog.get_logger()


class Place(NamedTuple):
    """Where a line stands in the input, in bytes."""

    offset: int
    length: int


class Tally(NamedTuple):
    """What some lines add to their batch's counts."""

    completed: int = 0
    failed: int = 0
    usage: Usage = Usage()

    def __add__(self, other: object) -> Tally:
        assert isinstance(other, Tally)  # noqa: S101  (a tuple's own sum would join them)
        mine, its = self.usage, other.usage
        usage = Usage(
            mine.prompt_tokens + its.prompt_tokens,
            mine.completion_tokens + its.completion_tokens,
            mine.cached_tokens + its.cached_tokens,
            reasoning_tokens=mine.reasoning_tokens + its.reasoning_tokens,
        )
        return Tally(self.completed + other.completed, self.failed + other.failed, usage)


def line_job(batch_id: str, line: int) -> str:
    """The id of a line's job, the same at every try, so that it is submitted once.

    Ids sort like their batches and, within one, like its lines, which so go to work in the order of the file.
    """
    time = batch_id.removeprefix(PREFIX)[:12]
    digest = hashlib.sha256(f"{batch_id}:{line}".encode()).hexdigest()
    suffix = f"{line:08x}{digest}"
    return f"job_{time}7{suffix[:3]}8{suffix[3:18]}"


@dataclass(frozen=True)
class BatchLines:
    """The batches as the process of this id runs them; every change is refused once another one does."""

    store: JobStore
    runner: str

    def running(self) -> list[BatchState]:
        """The batches that have not ended, oldest first."""
        with answers():
            ids = [member.decode() for member in self.store.redis.zrange(self.store.keys.running(), 0, -1)]
        return [state for state in Batches(self.store).read(ids) if state is not None]

    def inflight(self, batch_id: str) -> dict[int, Place]:
        """The lines of a batch that were taken and are not in the output."""
        with answers():
            places: Mapping[bytes, bytes] = self.store.redis.hgetall(self.store.keys.inflight(batch_id))
        return {int(line): Place(*map(int, place.split(b":"))) for line, place in places.items()}

    def statuses(self, jobs: Sequence[str]) -> list[bytes | None]:
        """The statuses of jobs, None where there is none."""
        with answers(), self.store.redis.pipeline(transaction=False) as pipe:
            for job_id in jobs:
                pipe.hget(self.store.keys.job(job_id), "status")
            statuses: list[bytes | None] = pipe.execute()
        return statuses

    def submit(self, jobs: Sequence[Job]) -> None:
        """Record jobs of lines and send them on their way; those that stand there already stay as they are."""
        calls = [self.store.submission(job, room=_ROOM) for job in jobs]
        with answers():
            self.store.scripts.batch(calls)

    def end(self, jobs: Sequence[Job], event: Terminal) -> None:
        """End jobs of lines that have not ended yet."""
        with answers():
            self.store.scripts.batch([self.store.ending(job, event) for job in jobs])

    def erase(self, records: Sequence[Record]) -> None:
        """Remove jobs that have landed: what came of them stands in the output, or nobody wants it any more."""
        with answers():
            self.store.scripts.batch([self.store.erasing(record) for record in records])
        self.dismiss([record.job.id for record in records])

    def forget(self, jobs: Sequence[str]) -> None:
        """Remove jobs whose request or result cannot be read any more, so that their lines can run again."""
        with answers(), self.store.redis.pipeline() as pipe:
            pipe.delete(*map(self.store.keys.job, jobs))
            pipe.zrem(self.store.keys.expiry(), *jobs)
            pipe.execute()

    def landed(self, most: int) -> list[str]:
        """Jobs of lines that have ended."""
        with answers():
            return [member.decode() for member in self.store.redis.srandmember(self.store.keys.landed(), most)]

    def land(self, jobs: Sequence[str]) -> None:
        """Have jobs looked at that ended without being noticed."""
        with answers():
            self.store.redis.sadd(self.store.keys.landed(), *jobs)

    def dismiss(self, jobs: Sequence[str]) -> None:
        """Forget that jobs have landed: they have not, or belong to no batch that runs."""
        with answers():
            self.store.redis.srem(self.store.keys.landed(), *jobs)

    def move(self, batch: Batch, to: Status, *froms: Status, **fields: Value) -> None:
        """Change a batch's status if it has one of `froms`, and these fields with it."""
        keys = self.store.keys
        pairs = [part for field in fields.items() for part in field]
        with answers():
            self.store.scripts.run(
                "move_batch",
                [keys.batch(batch.id), keys.runner(), keys.notify_batches()],
                [self.runner, to, time_field(to), len(froms), *froms, *pairs],
            )

    def take(self, batch: Batch, before: Cursor, after: Cursor, lines: Mapping[int, Place]) -> bool:
        """Take lines into flight, and so move the cursor; False when the batch is no longer ours to run."""
        keys = self.store.keys
        placed = [part for line, (offset, length) in lines.items() for part in (line, f"{offset}:{length}")]
        with answers():
            return bool(
                self.store.scripts.run(
                    "take_lines",
                    [keys.batch(batch.id), keys.runner(), keys.inflight(batch.id)],
                    [self.runner, before.offset, after.line, after.offset, *placed],
                )
            )

    def commit(
        self,
        batch: Batch,
        before: Sizes,
        after: Sizes,
        tally: Tally,
        lines: Sequence[int] = (),
        to: Cursor | None = None,
    ) -> bool:
        """Count lines whose records stand in the files, flushed to the disk; False when that is not ours to do.

        They were in flight, or are those from the cursor up to `to`, which never ran.
        """
        keys = self.store.keys
        usage = tally.usage
        with answers():
            return bool(
                self.store.scripts.run(
                    "commit_lines",
                    [keys.batch(batch.id), keys.runner(), keys.inflight(batch.id)],
                    [
                        self.runner,
                        *before,
                        *after,
                        "" if to is None else to.line,
                        "" if to is None else to.offset,
                        tally.completed,
                        tally.failed,
                        usage.prompt_tokens,
                        usage.cached_tokens,
                        usage.completion_tokens,
                        usage.reasoning_tokens,
                        *lines,
                    ],
                )
            )

    def settle(
        self, batch: Batch, status: Status, files: Mapping[str, File] | None = None, problems: Sequence[Problem] = ()
    ) -> bool:
        """End a batch, once: every batch ends here. `files` are by the field that names them in its record."""
        keys, settings = self.store.keys, self.store.settings
        outputs = files or {}
        keep = max(settings.batch_ttl, deliveries.KEPT)
        ending = deliveries.for_receivers(
            settings.webhook_url, None, f"batch.{status}", _shown(batch, status, outputs), keep
        )
        with answers():
            done = self.store.scripts.run(
                "settle_batch",
                [
                    keys.batch(batch.id),
                    keys.runner(),
                    keys.inflight(batch.id),
                    keys.running(),
                    keys.outdated(),
                    keys.files(batch.owner),
                    keys.blob(batch.input.sha256),
                    keys.owed(),
                    *(key for file in outputs.values() for key in (keys.file(file.id), keys.blob(file.blob.sha256))),
                ],
                [
                    batch.id,
                    self.runner,
                    batch.owner,
                    status,
                    settings.batch_ttl,
                    msgspec.json.encode(problems) if problems else "",
                    keys.hooks(),
                    keys.hook(""),
                    *(
                        part
                        for field, file in outputs.items()
                        for part in (field, file.id, msgspec.json.encode(file), file.expires or "")
                    ),
                    *deliveries.arguments(ending),
                ],
            )
        if done:
            log.info("batch ended", batch_id=batch.id, status=status)
        return bool(done)


def _shown(batch: Batch, status: Status, files: Mapping[str, File]) -> dict[str, object]:
    """What webhooks are told of a batch that ends."""
    file_ids = {f"{field}_id": files[field].id if field in files else None for field in ("output_file", "error_file")}
    return {
        "id": batch.id,
        "object": "batch",
        "status": status,
        "endpoint": batch.endpoint,
        "created_at": batch.created // 1000,
        "metadata": batch.metadata,
        **file_ids,
    }

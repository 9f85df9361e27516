"""The calls of scripts that submit, end and remove a job: which script, with which keys and arguments."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from mlxq.settings import Settings
from tasks.leader import fair_share
from tasks.redis import celery_messages
from tasks.redis.records import INLINE, Records, reference
from tasks.redis.scripts import Call, Scripts
from tasks.redis.stored_output import stored_output
from tasks.values import events, job
from tasks.values.blob_ref import BlobRef
from tasks.values.job import Job, Lane, Record, Status
from tasks.webhooks import deliveries

if TYPE_CHECKING:
    from celery import Celery

NUDGE_TTL = 300  # seconds that the stream stays which wakes a reader
STREAM_TTL = 300  # seconds that a finished job's events stay; afterwards the record tells them
SMALL = 4 * 1024  # bytes of a result that stay in the record of a job that lasts; of others more do
STATUS = {
    events.Done: Status.SUCCEEDED,
    events.Failed: Status.FAILED,
    events.Cancelled: Status.CANCELLED,
    events.Expired: Status.EXPIRED,
}


@dataclass(frozen=True)
class JobScripts(Records):
    """What changes a job, to be run by itself or together with other calls."""

    settings: Settings
    scripts: Scripts

    @cached_property
    def celery(self) -> Celery:
        """The application whose messages tell workers of jobs; importing it takes a tenth of a process' start."""
        from tasks import app

        return app.create(self.settings)

    @property
    def counting(self) -> Call:
        """What counts the jobs that have not ended."""
        return Call("unfinished", [self.keys.deadlines()], [])

    def submission(self, new: Job, *, room: int, digest: str = "", most: int | None = None, client: str = "") -> Call:
        """What records a job: the call answers the id of the job that stands there now, and how it came to."""
        spec = self.pack(job.encode(new), "application/json")
        interactive, turn = new.lane is Lane.INTERACTIVE, fair_share.key(new)
        counted = most if new.detached else None
        return Call(
            "submit",
            [
                self.keys.job(new.id),
                self.keys.index(new.owner, new.listing),
                self.keys.idempotency(new.owner, new.idempotency_key or ""),
                self.keys.queued(new.model, new.lane),
                self.keys.unclaimed(new.model) if interactive else self.keys.waiting(new.model, new.lane, turn),
                self.keys.lanes(new.model),
                self.keys.deadlines(),
                self.keys.notify_leader(),
                self.keys.messages(new.model),
                self.keys.following(client),
                self.keys.reader(client),
                self.keys.everybody(new.listing),
                *self._held(new, reference(spec)),
            ],
            [
                new.id,
                new.created,
                new.deadline,
                room,
                new.endpoint if new.idempotency_key else "",
                digest,
                "" if interactive else f"{new.lane}:{turn}",
                int(new.detached or not new.sync),
                int(new.sync and new.stream),
                new.owner,
                self.keys.job(""),
                spec,
                new.place,
                "" if counted is None else self.keys.unfinished(new.owner),
                "" if counted is None else counted,
                self._message(new.id, new.model) if interactive else "",
                NUDGE_TTL if client else "",
            ],
        )

    def erasing(self, record: Record) -> Call:
        """What removes a finished record: the call answers 1, or 0 when it has not ended."""
        past = record.job
        blobs = self._held(past, record.request)
        if isinstance(record.result, BlobRef):
            blobs.append(self.keys.blob(record.result.sha256))
        blobs += [self.keys.blob(ref.sha256) for ref in record.outputs]
        return Call(
            "delete",
            [
                self.keys.job(past.id),
                self.keys.events(past.id),
                self.keys.index(past.owner, past.listing),
                self.keys.idempotency(past.owner, past.idempotency_key or ""),
                self.keys.expiry(),
                self.keys.everybody(past.listing),
                *blobs,
            ],
            [past.id, past.endpoint if past.idempotency_key else "", past.owner, self.keys.hook("")],
        )

    def ending(
        self,
        ended: Job,
        event: events.Terminal,
        *,
        result: bytes = b"",
        outputs: tuple[BlobRef, ...] = (),
        worker: str = "",
        attempt: int = 0,
    ) -> Call:
        """What ends a job: the call answers 1, or 0 when it had ended or `worker`'s claim is no longer its own.

        `outputs` are the blobs that the result refers to.
        """
        packed = self.pack(result, "application/json", SMALL if ended.lasting else INLINE)
        finished = ended.past
        past = b"" if finished is ended else self.pack(job.encode(finished), "application/json")
        stored = stored_output(self.keys, self.blobs, ended, result)
        token = f"{worker}:{attempt}" if worker else secrets.token_hex(8)
        failure = msgspec.json.encode(event.failure) if isinstance(event, events.Failed) else b""
        usage = msgspec.json.encode(event.usage) if isinstance(event, events.Done) else b""
        held_blobs = [self.keys.blob(ref.sha256) for ref in [reference(packed), reference(past), *outputs] if ref]
        return Call(
            "finish",
            [
                self.keys.job(ended.id),
                self.keys.events(ended.id),
                self.keys.queued(ended.model, ended.lane),
                self.keys.waiting(ended.model, ended.lane, fair_share.key(ended)),
                self.keys.unclaimed(ended.model),
                self.keys.window(ended.model),
                self.keys.claims(ended.model),
                self.keys.deadlines(),
                self.keys.expiry(),
                self.keys.done(ended.model),
                self.keys.cancels(ended.model),
                self.keys.notify_leader(),
                self.keys.landed(),
                self.keys.notify_batches(),
                self.keys.owed(),
                self.keys.lanes(ended.model),
                *stored.keys,
                *held_blobs,
            ],
            [
                ended.id,
                worker,
                attempt,
                STATUS[type(event)],
                ended.keep,
                events.encode(event),
                packed,
                failure,
                usage,
                ended.owner,
                STREAM_TTL,
                int(ended.lane is Lane.BATCH),
                msgspec.json.encode(outputs) if outputs else b"",
                self.keys.hooks(),
                self.keys.hook(""),
                token,
                past,
                self.keys.blob(""),
                *stored.args,
                *deliveries.arguments(deliveries.for_job(self.settings, ended, STATUS[type(event)], event, result)),
            ],
        )

    def _message(self, job_id: str, model: str) -> str:
        return celery_messages.template(self.celery, self.keys.queue(model)).fill(job_id)

    def _held(self, new: Job, request: BlobRef | None) -> list[str]:
        refs = new.held if request is None else (*new.held, request)
        return [self.keys.blob(ref.sha256) for ref in refs]

"""Making, ending and following jobs: every change is one script, so no crash leaves half of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from mlxq.settings import Settings
from tasks.redis import client
from tasks.redis.job_scripts import JobScripts
from tasks.redis.keys import Keys
from tasks.redis.scripts import AWAY, Scripts, answers
from tasks.redis.unreadable import readable
from tasks.stored.blobs import BlobStore
from tasks.values import events, job
from tasks.values.errors import IdempotencyMismatch, JobConflict, QueueFull, TooManyJobs
from tasks.values.job import Job, Lane, Record

log = structlog.get_logger()


class Submission(NamedTuple):
    """The job that a submit made, or the one that it joined by its idempotency key."""

    id: str
    joined: bool


@dataclass(frozen=True)
class JobStore(JobScripts):
    """Submit, read, follow and end jobs."""

    def submit(self, new: Job, *, room: int, digest: str = "", most: int | None = None, client: str = "") -> Submission:
        """Record a job and send it on its way.

        `room` bounds how many jobs of its model and lane may be queued, `digest` tells whether an idempotency key is
        used again for the same body, `most` bounds how many of its owner's jobs that run on without a client may be
        unfinished. A new job has its first follower in the web process `client`, if one is given.
        Raises QueueFull, TooManyJobs, IdempotencyMismatch, StorageFull, QueueUnavailable.
        """
        call = self.submission(new, room=room, digest=digest, most=most, client=client)
        with answers():
            member, outcome = self.scripts.run(*call)
        job_id = member.decode()
        if outcome == b"full":
            wait = self.drain_time(new.model)
            raise QueueFull(f"the queue of model '{new.model}' is full ({room} jobs)", retry_after=wait)
        if outcome == b"enough":
            wait = self.drain_time(new.model)
            raise TooManyJobs(f"{most} jobs of this key have not ended, as many as it may have", retry_after=wait)
        if outcome == b"mismatch":
            raise IdempotencyMismatch(f"this Idempotency-Key belongs to {job_id}, which has another body")
        return Submission(job_id, job_id != new.id)

    def send(self, model: str, *job_ids: str) -> None:
        """Tell the model's worker of jobs, in this order; when that fails the reconciler does it again."""
        try:
            self.redis.lpush(self.keys.messages(model), *(self._message(job_id, model) for job_id in job_ids))
        except AWAY as error:
            log.warning("messages not sent; the reconciler will", job_ids=job_ids, error=str(error))

    def warm_up(self, models: Iterable[str]) -> None:
        """Have the messages of these models written by Celery, which the first job of each waits for otherwise."""
        for model in models:
            self._message("", model)

    def cancel(self, job_id: str, owner: str, reason: str = "requested") -> Record:
        """End a job now: one that is queued never starts, a running one loses its row at the next step."""
        record = self.get(job_id, owner)
        if record.status.terminal or not self.finish(job_id, events.Cancelled(reason)):
            raise JobConflict(f"{job_id} has already ended: it is {self.get(job_id, owner).status}")
        return self.get(job_id, owner)

    def delete(self, job_id: str, owner: str) -> None:
        """Forget a finished job with its result; JobConflict while it runs."""
        record = self.get(job_id, owner)
        if not self.erase(record):
            raise JobConflict(f"{job_id} is {record.status}; cancel it first")

    def erase(self, record: Record) -> bool:
        """Remove a finished record and all that goes with it; False when it has not ended."""
        with answers():
            return bool(self.scripts.run(*self.erasing(record)))

    def finish(self, job_id: str, event: events.Terminal) -> bool:
        """End a job, whether it runs or not: False when it had ended before."""
        ended = self._job(job_id)
        return ended is not None and self.end(ended, event)

    def expire(self, job_id: str) -> bool:
        """End a job whose deadline has passed, in the way that it asked for: False when it had ended before."""
        ended = self._job(job_id)
        return ended is not None and self.end(ended, ended.overdue)

    def _job(self, job_id: str) -> Job | None:
        with answers():
            spec = self.redis.hget(self.keys.job(job_id), "spec")
        if spec is None:
            return None
        with readable(job_id):
            return job.decode(self.unpack(spec))

    def end(self, ended: Job, event: events.Terminal) -> bool:
        """End a job once, whichever process holds it: False when something ended it before."""
        with answers():
            return bool(self.scripts.run(*self.ending(ended, event)))

    def follow(self, job_id: str, client: str, followers: int) -> bool:
        """Record how many wait for a job in one web process; True when nobody wants it any more."""
        with answers():
            left = self.scripts.run("follow", [self.keys.job(job_id), self.keys.following(client)], [job_id, followers])
        return bool(left == 0)

    def awaited(self, job_id: str) -> bool:
        """Whether a web process waits for a job, which ends with its followers."""
        with answers():
            followers, detached = self.redis.hmget(self.keys.job(job_id), ["followers", "detached"])
        return int(followers or 0) > 0 and detached != b"1"

    def abandon(self, job_id: str, event: events.Terminal) -> bool:
        """End a job that nobody waits for any more and that nobody will poll: False when it had ended before."""
        left_alone = self._job(job_id)
        if left_alone is None or not self.end(left_alone, event):
            return False
        if left_alone.idempotency_key:
            # Nobody decided to end it: a call with the same key means to have it run.
            with answers():
                self.redis.hdel(
                    self.keys.idempotency(left_alone.owner, left_alone.idempotency_key), left_alone.endpoint
                )
        return True

    def drain_time(self, model: str) -> int:
        """Seconds, 1 to 120, until the queue of a model is empty at the rate it ends jobs at now."""
        now = self.now()
        minute, seconds = divmod(now // 1000, 60)
        with answers():
            counts = self.redis.hmget(self.keys.done(model), [str(minute), str(minute - 1)])
            queued = sum(self.redis.zcard(self.keys.queued(model, lane)) for lane in Lane)
        ended = sum(int(count or 0) for count in counts)
        return max(1, min(120, round(queued * (60 + seconds) / ended))) if ended else 10


def connect(settings: Settings) -> JobStore:
    """The store that these settings name; nothing is sent before the first call."""
    redis = client.connect(settings.redis_url)
    keys, blobs = Keys(settings.namespace), BlobStore(settings.home / "blobs")
    return JobStore(redis, keys, blobs, settings, Scripts(redis))

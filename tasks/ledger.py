"""The worker's side of a job: claim it, begin it, publish what comes of it, end it or hand it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tasks import events, fold
from tasks.errors import Failure, Poison, WorkerLost
from tasks.events import Event
from tasks.job import Job
from tasks.scripts import Value
from tasks.store import JobStore


class Claim(NamedTuple):
    """A job that this worker holds; events of an older attempt are refused.

    `alone`: workers died on it, and on its last try it must not take others with it.
    """

    job: Job
    attempt: int
    alone: bool = False


class Lines(NamedTuple):
    """What a step brought for one row: events with their numbers, and progress in percent."""

    claim: Claim
    numbered: Sequence[tuple[int, Event]]
    progress: int | None


class Published(NamedTuple):
    """The rows to drop because they are no longer ours, the jobs cancelled since, and where to read on."""

    refused: set[str]
    cancelled: set[str]
    cursor: str


@dataclass(frozen=True)
class Ledger:
    """One worker process' claims, under its id."""

    store: JobStore
    model: str
    worker: str

    def claim(self, job_id: str) -> Claim | None:
        """Take a queued job; None when it is gone, has ended or is somebody else's (a message may arrive twice)."""
        keys = self.store.keys
        record = self.store.find(job_id)
        if record is None:
            return None
        taken = self.store.scripts.run(
            "claim",
            [keys.job(job_id), keys.unclaimed(self.model), keys.claims(self.model)],
            [job_id, self.worker],
        )
        if taken is None:
            return None
        allowed = self.store.settings.max_attempts
        return Claim(record.job, int(taken[0]), alone=1 < allowed <= int(taken[1]) + 1)

    def begin(self, claim: Claim, prompt_tokens: int) -> bool:
        """The job runs from here on: `Started` opens the attempt. False when the claim is no longer ours."""
        keys, job_id = self.store.keys, claim.job.id
        started = events.encode(events.Started(claim.attempt, prompt_tokens))
        begun = self.store.scripts.run(
            "begin",
            [keys.job(job_id), keys.events(job_id), keys.queued(self.model, claim.job.lane)],
            [job_id, self.worker, claim.attempt, self.store.now(), started],
        )
        return bool(begun)

    def publish(self, rows: Sequence[Lines], cursor: str) -> Published:
        """Write a step's events of every row in one go, and read the cancellations since `cursor`."""
        keys = [self.store.keys.cancels(self.model)]
        args: list[Value] = [self.worker, cursor]
        for claim, numbered, progress in rows:
            keys += [self.store.keys.job(claim.job.id), self.store.keys.events(claim.job.id)]
            shows = any(isinstance(event, events.Delta) and event.text for _, event in numbered)
            args += [claim.attempt, "" if progress is None else progress, int(shows), len(numbered)]
            for number, event in numbered:
                args += [number, events.encode(event)]
        answers, cancels = self.store.scripts.run("publish", keys, args)
        refused = {row.claim.job.id for row, answer in zip(rows, answers, strict=True) if not answer}
        cancelled = {fields[1].decode() for _, fields in cancels}
        return Published(refused, cancelled, cancels[-1][0].decode() if cancels else cursor)

    def finish(self, claim: Claim, event: events.Terminal, result: fold.Result | None = None) -> bool:
        """End the job with its result; False when the claim is no longer ours or it has ended."""
        packed = None if result is None else fold.encode(result)
        return self.store.end(claim.job, event, result=packed, worker=self.worker, attempt=claim.attempt)

    def hand_back(self, claim: Claim) -> None:
        """This worker stops: the job goes back to its queue, or fails when its client has already seen text."""
        release(self.store, claim.job, self.worker, lost=False)


def release(store: JobStore, job: Job, worker: str, *, lost: bool) -> None:
    """End a worker's claim on a job: run it again, unless text has shown or it has taken too many workers down."""
    outcome = store.scripts.run(
        "release",
        [
            store.keys.job(job.id),
            store.keys.queued(job.model, job.lane),
            store.keys.unclaimed(job.model),
            store.keys.claims(job.model),
        ],
        [job.id, worker, int(lost), store.settings.max_attempts, store.now(), job.created],
    )
    if outcome == b"requeued":
        store.send(job.id, job.model, job.lane)
    elif outcome == b"shown":
        message = "the worker stopped after part of the answer had been sent; ask again"
        store.end(job, events.Failed(Failure(WorkerLost.code, message, retry_after=1)))
    elif outcome == b"poison":
        message = f"the worker died {store.settings.max_attempts} times while it ran this job; it is not tried again"
        store.end(job, events.Failed(Failure(Poison.code, message)))

"""The worker's side of a job: claim it, begin it, publish what comes of it, end it or hand it back."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from tasks.redis.scripts import AWAY, Call, Value, answers
from tasks.redis.store import JobStore
from tasks.redis.stream_entries import readable
from tasks.values import events, job, results
from tasks.values.errors import Failure, Poison, WorkerLost
from tasks.values.events import Event
from tasks.values.job import Job, Lane

LINE_ATTEMPTS = 2  # workers that a line of a batch may take down: there are thousands of others
MEMORY_LOSSES = 2  # workers that a job may bring down by the memory that it takes


class Claim(NamedTuple):
    """A job that this worker holds; events of an older attempt are refused.

    `alone`: workers died on it, and on its last try it must not take others with it.
    """

    job: Job
    attempt: int
    alone: bool = False


class Published(NamedTuple):
    """What came of one row: events with their numbers in its stream, and progress in percent."""

    claim: Claim
    numbered: Sequence[tuple[int, Event]]
    progress: int | None


class Begun(NamedTuple):
    """A row that joined the batch."""

    claim: Claim
    prompt_tokens: int


class Ended(NamedTuple):
    """A row's terminal event, with what the job made if it is done."""

    claim: Claim
    event: events.Terminal
    result: results.Result | None = None


class Changes(NamedTuple):
    """All that happened to the rows of a batch since the last write, in this order."""

    begun: Sequence[Begun] = ()
    published: Sequence[Published] = ()
    ended: Sequence[Ended] = ()

    def of(self, job_id: str) -> Changes:
        """What of it happened to one job."""
        return Changes(
            [part for part in self.begun if part.claim.job.id == job_id],
            [part for part in self.published if part.claim.job.id == job_id],
            [part for part in self.ended if part.claim.job.id == job_id],
        )


class Dropped(NamedTuple):
    """Attempts that are no longer ours, and jobs that were cancelled."""

    refused: frozenset[tuple[str, int]] = frozenset()
    cancelled: frozenset[str] = frozenset()

    def holds(self, claim: Claim) -> bool:
        """Whether this claim's row is to be dropped."""
        return claim.job.id in self.cancelled or (claim.job.id, claim.attempt) in self.refused


class Written(NamedTuple):
    """What to drop, and where to read cancellations on."""

    dropped: Dropped
    cursor: str


@dataclass(frozen=True)
class Claims:
    """One worker process' claims, under its id."""

    store: JobStore
    model: str
    worker: str

    def claim(self, job_id: str, token: str = "") -> Claim | None:
        """Take a queued job; None when it is gone, has ended or is somebody else's (a message may arrive twice).

        A call with the same `token` is the same try: made twice, it takes the job once. Without one it is a try alone.
        """
        keys = self.store.keys
        with answers():
            taken = self.store.scripts.run(
                "claim",
                [keys.job(job_id), keys.unclaimed(self.model), keys.claims(self.model)],
                [job_id, self.worker, token or secrets.token_hex(8)],
            )
        if taken is None:
            return None
        attempt, losses, spec, by_memory = taken
        claimed = job.decode(self.store.unpack(spec))
        last = 1 < _allowed(self.store, claimed) <= int(losses) + 1
        return Claim(claimed, int(attempt), alone=last or int(by_memory) > 0)

    def holds(self, claim: Claim) -> bool:
        """Whether a claimed job is still this worker's to run: not cancelled, not overdue and not taken back."""
        try:
            fields = self.store.redis.hmget(self.store.keys.job(claim.job.id), ["status", "worker", "attempt"])
        except AWAY:  # what nobody can say has not changed
            return True
        return bool(fields == [b"queued", self.worker.encode(), str(claim.attempt).encode()])

    def earlier_events(self, claim: Claim) -> list[Event]:
        """The events of that earlier attempt at a job which came furthest, without its beginning."""
        with answers():
            entries = self.store.redis.xrange(self.store.keys.events(claim.job.id))
        attempts: list[list[Event]] = [[]]
        for event in (readable(fields[b"e"]) for _, fields in entries):
            if isinstance(event, events.Started):
                attempts.append([])
            else:
                attempts[-1].append(event)
        return max(attempts, key=_done)

    def begin(self, claim: Claim, prompt_tokens: int) -> bool:
        """Let a claimed job start to run, by itself; False when it is no longer ours. May be done twice."""
        with answers():
            return bool(self.store.scripts.run(*self._beginning(claim, prompt_tokens)))

    def write(self, changes: Changes, cursor: str) -> Written:
        """Write what happened in one round trip, and read the cancellations since `cursor`; may be done twice."""
        calls = [self._beginning(*begun) for begun in changes.begun]
        calls.append(self._publishing(changes.published, cursor))
        calls += [self._ending(*ended) for ended in changes.ended]
        with answers():
            replies = self.store.scripts.batch(calls)
        published, cancels = replies[len(changes.begun)]
        answered = [*replies[: len(changes.begun)], *published]
        claims = [*(row.claim for row in changes.begun), *(row.claim for row in changes.published)]
        refused = [claim for claim, answer in zip(claims, answered, strict=True) if not answer]
        dropped = Dropped(
            frozenset((claim.job.id, claim.attempt) for claim in refused),
            frozenset(fields[1].decode() for _, fields in cancels),
        )
        return Written(dropped, cancels[-1][0].decode() if cancels else cursor)

    def settle(self, claim: Claim, event: events.Terminal, result: results.Result | None = None) -> None:
        """End a claimed job that never joined the batch: it was refused, or there was nothing to run."""
        with answers():
            self.store.scripts.run(*self._ending(claim, event, result))

    def _beginning(self, claim: Claim, prompt_tokens: int) -> Call:
        keys, job_id = self.store.keys, claim.job.id
        started = events.encode(events.Started(claim.attempt, prompt_tokens))
        return Call(
            "begin",
            [keys.job(job_id), keys.events(job_id), keys.queued(self.model, claim.job.lane)],
            [job_id, self.worker, claim.attempt, started],
        )

    def _publishing(self, rows: Sequence[Published], cursor: str) -> Call:
        keys = [self.store.keys.cancels(self.model)]
        args: list[Value] = [self.worker, cursor]
        for claim, numbered, progress in rows:
            keys += [self.store.keys.job(claim.job.id), self.store.keys.events(claim.job.id)]
            # A client that has seen a token's probability or an end would see it again, as it would text.
            shows = any(
                isinstance(event, events.Delta) and event != events.Delta("", event.index) for _, event in numbered
            )
            args += [claim.attempt, "" if progress is None else progress, int(shows), len(numbered)]
            for number, event in numbered:
                args += [number, events.encode(event)]
        return Call("publish", keys, args)

    def _ending(self, claim: Claim, event: events.Terminal, result: results.Result | None) -> Call:
        if isinstance(event, events.Done) and result is not None and results.replayed(claim.job.payload):
            event = msgspec.structs.replace(event, at=time.time_ns() // 1_000_000)
        packed, outputs = (b"", ()) if result is None else (results.encode(result), results.blobs(result))
        return self.store.ending(
            claim.job, event, result=packed, outputs=outputs, worker=self.worker, attempt=claim.attempt
        )

    def hand_back(self, claim: Claim) -> None:
        """This worker stops: the job goes back to its queue, or fails when its client has already seen text."""
        release(self.store, claim.job, self.worker, lost=False)

    def blame(self, job_id: str) -> None:
        """Hand back a job whose worker takes too much memory: one that runs may be why, and next time runs alone."""
        record = self.store.find(job_id)
        if record is not None:
            release(self.store, record.job, self.worker, lost=True, by_memory=True)

    def claimed(self) -> frozenset[str]:
        """The jobs that are claimed in this worker's name."""
        with answers():
            holders = self.store.redis.hgetall(self.store.keys.claims(self.model))
        return frozenset(job_id.decode() for job_id, worker in holders.items() if worker.decode() == self.worker)

    def disown(self, job_id: str) -> None:
        """Hand back a job that is claimed in this worker's name but not held by it: the reply to a call was lost."""
        record = self.store.find(job_id)
        if record is not None:
            release(self.store, record.job, self.worker, lost=False)


def _done(attempt: Sequence[Event]) -> int:
    return max((event.done for event in attempt if isinstance(event, events.Progress)), default=0)


def _allowed(store: JobStore, held: Job) -> int:
    return min(LINE_ATTEMPTS, store.settings.max_attempts) if held.lane is Lane.BATCH else store.settings.max_attempts


def release(store: JobStore, held: Job, worker: str, *, lost: bool, by_memory: bool = False) -> None:
    """End a worker's claim on a job: run it again, unless text has shown or it has taken too many workers down."""
    outcome = store.scripts.run(
        "release_claim",
        [
            store.keys.job(held.id),
            store.keys.queued(held.model, held.lane),
            store.keys.unclaimed(held.model),
            store.keys.claims(held.model),
        ],
        [
            held.id,
            worker,
            int(lost),
            _allowed(store, held),
            store.now(),
            held.place,
            secrets.token_hex(8),
            MEMORY_LOSSES if by_memory else 0,
        ],
    )
    if outcome == b"requeued":
        store.send(held.model, held.id)
    elif outcome == b"shown":
        message = f"the worker stopped after part of the answer had been sent{_because(store, worker)}; ask again"
        store.end(held, events.Failed(Failure(WorkerLost.code, message, retry_after=1)))
    elif outcome == b"poison":
        losses = int(store.redis.hget(store.keys.job(held.id), "losses") or 0)
        times = f"the worker died {losses} times while it ran this job"
        because = _because(store, worker)
        message = f"{times}{because and f', the last time{because}'}; it is not tried again"
        store.end(held, events.Failed(Failure(Poison.code, message)))


def _because(store: JobStore, worker: str) -> str:
    reason = store.redis.get(store.keys.reason(worker))
    return f" because {reason.decode()}" if reason else ""

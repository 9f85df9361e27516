"""What a model's process does with a job that Celery delivers, and what it counts of that."""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import ExitStack
from typing import Any

import msgspec
import structlog

from tasks.processes.loops import Apart, insist
from tasks.processes.presence import Worker
from tasks.redis.claims import Claim, Claims
from tasks.values import events, results
from tasks.values.errors import EngineError, Failure, JobError
from tasks.values.job import Lane
from workers.engine import Engine, Prepared
from workers.serving.batcher import Batcher
from workers.serving.check_deadline import CheckDeadline, MustWait

ASIDE = 64  # jobs that wait for memory without one of Celery's threads
log = structlog.get_logger()


class JobRunner:
    """The Celery task: claim, prepare, hand to the batcher, wait.

    A job that has to wait for memory goes on in a thread of its own, of which there are at most `aside`, so that those
    that need none are not kept waiting for a thread.
    """

    def __init__(self, claims: Claims, engine: Engine[Any], batcher: Batcher, aside: int = ASIDE) -> None:
        self._claims, self._engine, self._batcher = claims, engine, batcher
        self._aside = threading.Semaphore(aside)
        self._held: dict[str, str] = {}  # jobs by the token of their claim
        self._stray: frozenset[str] = frozenset()
        self._settled = True  # nothing was claimed since a look that saw no claim
        self._apart = Apart("claims")
        self._counting = threading.Lock()
        self._taken = self._taken_by_people = self._people = 0

    def introduced(self, worker: Worker) -> Worker:
        """The worker with what it has done by now."""
        with self._counting:
            return msgspec.structs.replace(
                worker, taken=self._taken, taken_by_people=self._taken_by_people, people=self._people
            )

    def run(self, job_id: str) -> None:
        """Run one job to its end in this process; returns early when it has to wait for memory first.

        Returns at once when it is not ours to run.
        """
        if self._batcher.stopping:
            return  # it is still unclaimed, and sent again
        token = secrets.token_hex(8)
        with ExitStack() as end:
            self._held[token] = job_id
            self._settled = False
            end.callback(self._held.pop, token)
            must_wait, over = False, None
            with self._batcher.expecting():
                claim = insist(self._claims.claim, job_id, token)
                if claim is None:
                    return
                person = int(claim.job.lane is Lane.INTERACTIVE)
                self._count(taken=1, people=person)
                end.callback(self._count, people=-person)
                try:
                    over = self._begin(claim, brief=True)
                except MustWait:
                    must_wait = True
            if must_wait:
                self._step_aside(claim, end.pop_all())
            elif over is not None:
                self._wait(claim, over)

    def _step_aside(self, claim: Claim, end: ExitStack) -> None:
        """Begin anew with a job that has to wait, in a thread of its own as long as there are not too many."""

        def wait() -> None:
            with end:
                over = self._begin(claim)
                if over is not None:
                    self._wait(claim, over)

        if not self._aside.acquire(blocking=False):
            wait()
            return
        end.callback(self._aside.release)
        try:
            threading.Thread(target=wait, name="aside", daemon=True).start()
        except RuntimeError:  # the system has no thread left, so this one waits
            wait()

    def _count(self, people: int, taken: int = 0) -> None:
        with self._counting:
            self._taken += taken
            self._taken_by_people += max(people, 0)
            self._people += people

    def tidy(self) -> None:
        """Hand back what is claimed in this worker's name and not held: the reply to a claim, or its end, was lost."""
        if self._settled:
            return
        self._settled = True
        claimed = self._claims.claimed()
        if claimed or self._held:
            self._settled = False
        stray = claimed - frozenset(self._held.values())
        for job_id in stray & self._stray:  # seen twice: so it is not a claim under way
            log.warning("a job is claimed in this worker's name that it does not hold; it goes back", job_id=job_id)
            self._apart.run(job_id, self._claims.disown, job_id)
        self._stray = stray

    def blame(self) -> None:
        """Hand back all that is claimed in this worker's name: it takes too much memory, and what runs is to blame."""
        for job_id in self._claims.claimed():
            insist(self._claims.blame, job_id)

    def hand_back(self) -> None:
        """Hand back all that is claimed in this worker's name: it ends, and none of its jobs is to blame."""
        for job_id in self._claims.claimed():
            self._claims.disown(job_id)

    def _begin(self, claim: Claim, *, brief: bool = False) -> threading.Event | None:
        """Prepare a job and hand it to the batcher; nothing when it needs no engine.

        Raises MustWait where it would have to wait for others and may do so only briefly.
        """
        with structlog.contextvars.bound_contextvars(job_id=claim.job.id, request_id=claim.job.request_id):
            try:
                deadline = CheckDeadline(lambda: self._claims.holds(claim), brief=brief)
                prepared = self._engine.prepare(claim.job, deadline)
            except MustWait:
                raise
            except Exception as error:
                self._refuse(claim, error)
                return None
            if prepared.events:
                self._answer(claim, prepared)
                return None
            if claim.attempt > 1:
                prepared = self._engine.resumed(prepared, insist(self._claims.earlier_events, claim))
            log.info("job taken", model=claim.job.model, attempt=claim.attempt, prompt_tokens=prepared.prompt_tokens)
            return self._batcher.submit(claim, prepared)

    def _wait(self, claim: Claim, over: threading.Event) -> None:
        taken = time.monotonic()
        over.wait()
        log.info(
            "job left",
            job_id=claim.job.id,
            request_id=claim.job.request_id,
            model=claim.job.model,
            seconds=round(time.monotonic() - taken, 4),
        )

    def _answer(self, claim: Claim, prepared: Prepared[Any]) -> None:
        last = prepared.events[-1]
        assert isinstance(last, events.Done)  # noqa: S101  (what an engine answers at once is a success)
        result = results.fold(claim.job.payload, prepared.events)
        insist(self._claims.settle, claim, last, result)

    def _refuse(self, claim: Claim, error: Exception) -> None:
        if isinstance(error, JobError):
            failure = error.failure
        else:
            log.exception("preparing a job failed")
            failure = Failure(EngineError.code, f"the request could not be checked: {type(error).__name__}: {error}")
        insist(self._claims.settle, claim, events.Failed(failure))

"""Waiting for a job in the name of one client: its events, until it ends, the client leaves, or its time is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from tasks.follow import Entry
from tasks.job import Job
from tasks.scripts import AWAY
from web.disconnect import ClientGone
from web.gateway import Gateway

PROBE = 0.2  # seconds between looks at the client's socket
KEEP_ALIVE = 5.0  # seconds of silence in a stream
_GRACE = 2.0  # seconds past a deadline that the supervisor has to end a job before we do
log = structlog.get_logger()


@contextmanager
def following(gateway: Gateway, job_id: str) -> Iterator[None]:
    """Count as one who wants the job's answer; when the last such leaves a synchronous job, it is cancelled."""
    client = gateway.follower.client
    gateway.store.follow(job_id, client)
    try:
        yield
    finally:
        try:
            if gateway.store.leave(job_id, client):
                log.info("cancelled: its client went away", job_id=job_id)
        except AWAY as error:
            log.warning("a follower could not leave", job_id=job_id, error=str(error))


def entries(gateway: Gateway, job: Job, gone: Callable[[], bool], after: str = "0") -> Iterator[Entry | None]:
    """A job's events, and None at least five times a second; raises ClientGone."""
    overdue = time.monotonic() + job.deadline / 1000 - time.time() + _GRACE  # by this machine's clock
    probed = time.monotonic()
    for entry in gateway.follower.events(job.id, after, silence=PROBE):
        if time.monotonic() - probed >= PROBE:
            probed = time.monotonic()
            if gone():
                raise ClientGone
            if probed > overdue:  # nobody ended it: nothing hangs, also when the queue is away (that raises here)
                left = job.deadline - gateway.store.now()
                overdue = probed + max(left / 1000, PROBE)
                if left <= 0:
                    gateway.store.expire(job.id)
        yield entry


def audible(source: Iterator[Entry | None]) -> Iterator[Entry | None]:
    """The entries, and None only when a stream has been silent for so long that it owes its client a sign of life."""
    spoke = time.monotonic()
    for entry in source:
        if entry is not None or time.monotonic() - spoke > KEEP_ALIVE:
            spoke = time.monotonic()
            yield entry

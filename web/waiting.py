"""Waiting for a job in the name of one client: its events, until it ends, the client leaves, or its time is over."""

from __future__ import annotations

import math
import queue
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog

from tasks.redis.scripts import AWAY
from tasks.redis.stream_entries import StreamEntry
from tasks.streaming.event_reader import Inbox
from tasks.values.events import TERMINAL, Event
from tasks.values.job import Job
from web.gateway import Gateway
from web.http.wire.disconnect import PROBE, ClientGone, Probe, Waiter
from web.http.wire.streams import ANSWER

KEEP_ALIVE = 5.0  # seconds of silence in a stream
_GRACE = 0.2  # seconds past a deadline, in which its end may be on its way already
log = structlog.get_logger()


class EventInbox(queue.SimpleQueue[list[StreamEntry]]):
    """A job's events as they arrive: a thread waits for them until `leave_to`, which has the answer woken for each."""

    def __init__(self) -> None:
        self._answer: Any = None

    def leave_to(self, environ: Mapping[str, Any]) -> None:
        """Let the thread go and wake the request's answer from now on, if the server can resume it."""
        answer = environ.get(ANSWER)
        self._answer = answer and answer.resume()

    def put(self, item: list[StreamEntry], block: bool = True, timeout: float | None = None) -> None:
        """Take events and wake the answer; without events it only looks whether client and job are still there."""
        super().put(item)
        if self._answer is not None:
            (self._answer.wake if item else self._answer.look)()

    def get(self, block: bool = True, timeout: float | None = None) -> list[StreamEntry]:
        """What came next; raises Empty."""
        return super().get(block and self._answer is None, timeout)


@contextmanager
def following(gateway: Gateway, job_id: str, *, counted: bool) -> Iterator[None]:
    """Count as one reader of the job's answer, unless that was done with its submit (`counted`).

    When the last such leaves a synchronous job, it is cancelled.
    """
    if not counted:
        gateway.followers.join(job_id)
    try:
        yield
    finally:
        try:
            if gateway.followers.leave(job_id):
                log.info("cancelled: its client went away", job_id=job_id)
        except AWAY as error:
            log.warning("a follower could not leave; it is told again later", job_id=job_id, error=str(error))


def patience(gateway: Gateway, job: Job) -> float:
    """Seconds until a job's deadline, by Redis' clock."""
    return (job.deadline - gateway.store.now()) / 1000


def entries(
    gateway: Gateway, job: Job, client: Probe, left: float, inbox: Inbox, after: str = "0"
) -> Iterator[list[StreamEntry]]:
    """A job's events as they come into an inbox, and none now and then; raises ClientGone.

    `left` is how many seconds there are until its deadline. They are counted by a clock that never jumps: when Redis'
    clock is set, no call that waits is ended for it.
    """
    return _arrivals(gateway, job, client, left, after, math.inf, inbox)


def end(gateway: Gateway, job: Job, client: Probe, left: float, inbox: Inbox, until: float = math.inf) -> Event | None:
    """How a job ends, or None when it has not `until` then, in monotonic seconds; otherwise as `entries`."""
    for arrived in _arrivals(gateway, job, client, left, "0", until, inbox):
        if arrived and isinstance(arrived[-1][1], TERMINAL):
            return arrived[-1][1]
        if time.monotonic() >= until:
            break
    return None


def _arrivals(
    gateway: Gateway, job: Job, client: Probe, left: float, after: str, until: float, inbox: Inbox
) -> Iterator[list[StreamEntry]]:
    overdue = time.monotonic() + left + _GRACE
    with gateway.watcher.watching(Waiter(client, lambda: inbox.put([]), min(overdue, until))) as waiter:
        for arrived in gateway.followers.events(job.id, after, inbox=inbox):
            if waiter.gone:
                raise ClientGone
            now = time.monotonic()
            if now > overdue:  # nothing hangs, also when the queue is away (that raises here)
                overdue = waiter.due = now + PROBE
                gateway.store.expire(job.id)
            yield arrived


def audible(arrivals: Iterator[list[StreamEntry]]) -> Iterator[list[StreamEntry] | None]:
    """The arrivals as they are, but None once nothing came for KEEP_ALIVE seconds: time for a keep-alive."""
    spoke = time.monotonic()
    for arrived in arrivals:
        now = time.monotonic()
        silent = not arrived and now - spoke > KEEP_ALIVE
        if arrived or silent:
            spoke = now
        yield None if silent else arrived

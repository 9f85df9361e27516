"""Delivers the events of jobs as they come: one XREAD thread a process, however many read."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import structlog

from tasks.processes.loops import Loop, rest
from tasks.redis.job_scripts import NUDGE_TTL
from tasks.redis.scripts import AWAY, answers
from tasks.redis.store import JobStore
from tasks.redis.stream_entries import StreamEntry, readable, rows

_FIRST = "0"  # before any id
Inbox: TypeAlias = queue.SimpleQueue[list[StreamEntry]]
log = structlog.get_logger()


class EventReader:
    """The inboxes of one process by the jobs that they are for; `client` is the process' id."""

    def __init__(self, store: JobStore, client: str) -> None:
        self._store = store
        self._wake = store.keys.reader(client)
        self._wake_at = "0-0"
        self._lock = threading.Lock()
        self._inboxes: dict[str, dict[int, Inbox]] = {}
        self._cursors: dict[str, str] = {}
        self.loop = Loop("follower", self._read)

    @property
    def idle(self) -> bool:
        """Whether nobody reads here."""
        return not self._inboxes and not self._cursors

    def expect(self, job_id: str, inbox: Inbox) -> None:
        """Fill an inbox with the events of a job that is about to be submitted, which wakes the thread."""
        key = self._store.keys.events(job_id)
        with self._lock:
            self._inboxes[key], self._cursors[key] = {id(inbox): inbox}, _FIRST

    def forget(self, job_id: str, inbox: Inbox | None) -> None:
        """Fill an inbox no more, if it was filled."""
        key = self._store.keys.events(job_id)
        with self._lock:
            self._inboxes.get(key, {}).pop(id(inbox), None)
            if self._inboxes.get(key) == {}:
                del self._inboxes[key], self._cursors[key]

    @contextmanager
    def reading(self, job_id: str, inbox: Inbox) -> Iterator[bool]:
        """Fill an inbox meanwhile; tells whether it was expected, and so is filled since the job was submitted."""
        key = self._store.keys.events(job_id)
        with self._lock:
            expected = id(inbox) in self._inboxes.get(key, {})
            if not expected:
                self._inboxes.setdefault(key, {})[id(inbox)] = inbox
                self._cursors[key] = _FIRST  # a second reader begins at the start; the first drops what it knows
        if not expected:
            self._nudge()
        try:
            yield expected
        finally:
            self.forget(job_id, inbox)

    def _nudge(self) -> None:
        try:
            with self._store.redis.pipeline() as pipe:
                pipe.xadd(self._wake, {"n": 1}, maxlen=1)
                pipe.expire(self._wake, NUDGE_TTL)
                pipe.execute()
        except AWAY:
            log.warning("the reader will notice its new follower within seconds")

    def _read(self) -> None:
        with self._lock:
            cursors = dict(reversed(self._cursors.items()))  # the newest first: a first token is waited for most
        with answers():
            reply = self._store.redis.xread({self._wake: self._wake_at, **cursors}, block=max(1, int(1000 * rest())))
        for key, entries in rows(reply):
            if key == self._wake:
                self._wake_at = entries[-1][0].decode()
            else:
                self._deliver(key, cursors[key], entries)

    def _deliver(self, key: str, cursor: str, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        decoded = [(entry_id.decode(), readable(fields[b"e"])) for entry_id, fields in entries]
        with self._lock:
            if self._cursors.get(key) != cursor:
                return  # left, or begun anew, while this was being read
            self._cursors[key] = decoded[-1][0]
            inboxes = list(self._inboxes[key].values())
        for inbox in inboxes:
            inbox.put(decoded)

    def stop(self, within: float) -> None:
        """End the thread, which gets `within` seconds to do so."""
        self.loop.stop(0)
        self._nudge()
        self.loop.stop(within)

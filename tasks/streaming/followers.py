"""Who waits for which job while it runs, and what each is told; the last who leaves a synchronous job cancels it."""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator

import structlog

from tasks.processes.loops import Loop
from tasks.processes.presence import Presence
from tasks.redis.scripts import AWAY, answers
from tasks.redis.store import JobStore, Submission
from tasks.redis.stream_entries import StreamEntry, before, readable, recorded
from tasks.streaming.event_reader import EventReader, Inbox
from tasks.values import events
from tasks.values.errors import NotFound, UnreadableRecord
from tasks.values.events import Event
from tasks.values.job import Job, Record

_SOON = 0.2  # seconds until the first look
_LOOK = 2.0  # seconds of silence after which the record itself is asked
_TIDY = 10.0  # seconds between comparisons of who follows here with what Redis has of it
_PATIENCE = 2.0  # seconds that a thread has to end
_STRIPES = 64  # locks for the counts of followers: jobs that share one wait for each other's round trip
log = structlog.get_logger()


class Ends(queue.SimpleQueue[list[StreamEntry]]):
    """An inbox of a reader that waits for a job's end, and wakes for nothing that comes before."""

    def put(self, item: list[StreamEntry], block: bool = True, timeout: float | None = None) -> None:
        """Take what holds the end, and nothing, which somebody puts on purpose."""
        if not item or any(isinstance(entry[1], events.TERMINAL) for entry in item):
            super().put(item, block, timeout)


class Followers:
    """The followers of one process; its `client` id is how the reconciler knows whose followers died with it."""

    def __init__(self, store: JobStore) -> None:
        self.store = store
        self.client = uuid.uuid4().hex
        self.reader = EventReader(store, self.client)
        self._lock = threading.Lock()
        self._stripes = [threading.Lock() for _ in range(_STRIPES)]
        self._counts: Counter[str] = Counter()  # followers of each job
        self._given: dict[str, Inbox] = {}  # with which jobs were submitted here that are still followed
        self._ended: set[str] = set()  # jobs with followers that were told its end
        self._left: list[str] = []  # jobs that ended before their last follower left, which Redis is told now and then
        self._odd: frozenset[str] = frozenset()  # jobs of which Redis had another count at the last comparison
        self._presence = Presence(store)
        self._tidied = time.monotonic()
        self._heartbeat = Loop("heartbeat", self._beat, store.settings.worker_lease / 3)
        self._began = False

    def _begin(self) -> None:
        """Start the threads with the first reader here: a process that only writes needs none."""
        with self._lock:
            if self._began:
                return
            self._presence.show_client(self.client)  # first of all: who follows in no client's name is not seen to
            self.reader.loop.start()
            self._heartbeat.start()
            self._began = True

    def missing(self) -> list[str]:
        """The threads that have ended although the process needs them."""
        return [loop.name for loop in (self.reader.loop, self._heartbeat) if self._began and not loop.alive]

    def submit(self, new: Job, inbox: Inbox, *, room: int, digest: str = "", most: int | None = None) -> Submission:
        """Record a job that somebody here waits for with an inbox: one round trip makes, counts and reads it.

        A job that it joins instead is joined as any other. Raises what `JobStore.submit` does.
        """
        self._begin()
        self.reader.expect(new.id, inbox)
        self._counts[new.id], self._given[new.id] = 1, inbox
        submitted = None
        try:
            submitted = self.store.submit(new, room=room, digest=digest, most=most, client=self.client)
        finally:
            if submitted is None or submitted.joined:
                self._uncount(new.id)
        return submitted

    def join(self, job_id: str) -> None:
        """Count one more reader here of a job's answer."""
        self._begin()
        with self._stripe(job_id):
            self.store.follow(job_id, self.client, self._counts[job_id] + 1)
            self._counts[job_id] += 1

    def leave(self, job_id: str) -> bool:
        """Count one less; the last to leave a job that nobody else wants cancels it. True if it did."""
        with self._stripe(job_id):
            ended, count = job_id in self._ended, self._uncount(job_id)
            if ended:  # nothing depends on who follows it now
                return False
            alone = self.store.follow(job_id, self.client, count)
        return alone and self.store.abandon(job_id, events.Cancelled("client went away"))

    def _uncount(self, job_id: str) -> int:
        """How many are left."""
        self._counts[job_id] -= 1
        if count := self._counts[job_id]:
            return count
        del self._counts[job_id]
        if job_id in self._ended:
            self._ended.remove(job_id)
            self._left.append(job_id)
        self.reader.forget(job_id, self._given.pop(job_id, None))
        return 0

    def _stripe(self, job_id: str) -> threading.Lock:
        return self._stripes[hash(job_id) % _STRIPES]

    def _beat(self) -> None:
        self._presence.show_client(self.client)
        self._sign_off()
        if time.monotonic() - self._tidied > _TIDY:
            self._tidied = time.monotonic()
            self._tidy()

    def _sign_off(self) -> None:
        left = self._left[:]
        if left:
            with answers():
                self.store.redis.hdel(self.store.keys.following(self.client), *left)
            del self._left[: len(left)]

    def _tidy(self) -> None:
        """Tell Redis once more who follows here where a call that failed, or came late, has left it another count."""
        with answers():
            fields = self.store.redis.hgetall(self.store.keys.following(self.client))
        stored = {job_id.decode(): int(count) for job_id, count in fields.items()}
        odd = frozenset(
            job_id for job_id in stored.keys() | set(self._counts) if stored.get(job_id, 0) != self._counts[job_id]
        )
        for job_id in odd & self._odd:  # seen twice: so it is not a call under way
            with self._stripe(job_id):
                count = self._counts[job_id]
                alone = self.store.follow(job_id, self.client, count)
            if alone and not count:
                self.store.abandon(job_id, events.Cancelled("client went away"))
        self._odd = odd

    def events(
        self, job_id: str, after: str = "0", silence: float = 1.0, inbox: Inbox | None = None
    ) -> Iterator[list[StreamEntry]]:
        """A job's events after the id `after`, to the terminal one: at a time all that are here.

        That is none for every `silence` seconds without any, and when somebody puts nothing into `inbox`.
        Raises NotFound when the record is gone (it expired, or Redis lost it).
        """
        inbox = queue.SimpleQueue() if inbox is None else inbox
        last = after
        self._begin()
        with self.reader.reading(job_id, inbox) as expected:
            # Asked at the first silence, as its stream may be gone, and then now and then.
            looked = time.monotonic() if expected else 0.0
            while True:
                try:
                    come = inbox.get(timeout=silence if looked else min(silence, _SOON))
                    while not inbox.empty():
                        come = come + inbox.get()
                except queue.Empty:
                    if time.monotonic() - looked >= _LOOK:
                        looked = time.monotonic()
                        try:
                            ended = self.store.ended(job_id)
                        except AWAY:  # it comes back, or the caller's patience ends
                            ended = False
                        if ended:
                            yield list(self._remaining(self._record(job_id), last))
                            return
                    yield []
                    continue
                entries = _new(come, last)
                if not come:
                    yield []
                elif entries:
                    last, looked = entries[-1][0], time.monotonic()
                    terminal = isinstance(entries[-1][1], events.TERMINAL)
                    if terminal:
                        self._end(job_id, entries[-1][1])
                    yield entries
                    if terminal:
                        return

    def _end(self, job_id: str, event: Event) -> None:
        unreadable = isinstance(event, events.Failed) and event.failure.code == UnreadableRecord.code
        if self._counts[job_id] and not unreadable:  # others read along without being counted
            self._ended.add(job_id)

    def _record(self, job_id: str) -> Record:
        record = self.store.find(job_id)
        if record is None:
            raise NotFound(f"job '{job_id}' is gone")
        return record

    def _remaining(self, record: Record, last: str) -> Iterator[StreamEntry]:
        """What a finished job's follower has not seen: from the stream while it stands, else from the record."""
        with answers():
            key = self.store.keys.events(record.job.id)
            entries = self.store.redis.xrange(key, min=f"({last}" if last != "0" else "-")
        if entries:
            for entry_id, fields in entries:
                yield entry_id.decode(), readable(fields[b"e"])
            return
        yield from recorded(self.store, record, last)

    def close(self) -> None:
        """End the threads, if there are any."""
        with self._lock:
            if not self._began:
                return
        self._heartbeat.stop(_PATIENCE)
        self.reader.stop(_PATIENCE)
        try:
            self._presence.leave_client(self.client)
        except AWAY as error:
            log.warning("left without saying so; the lease ends by itself", error=str(error))
        self._presence.processes.leave(self.client)


def _new(come: list[StreamEntry], last: str) -> list[StreamEntry]:
    """Those after the id `last`, each once, to the end; for somebody who came later, all are read anew."""
    fresh: list[StreamEntry] = []
    for entry in come:
        if before(last, entry[0]):
            last = entry[0]
            fresh.append(entry)
            if isinstance(entry[1], events.TERMINAL):
                break
    return fresh

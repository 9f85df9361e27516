"""Reading jobs while they run: one XREAD thread a process, however many followers."""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from redis import Redis

from tasks import events, fold
from tasks.errors import NotFound, QueueUnavailable
from tasks.events import Event
from tasks.job import Record
from tasks.presence import Heartbeat, Presence
from tasks.scripts import AWAY, answers
from tasks.store import JobStore

Entry = tuple[str, Event]
_LOOK = 2.0  # seconds of silence after which the record itself is asked
log = structlog.get_logger()


class Follower:
    """The followers of one process; its `client` id is how the reconciler knows whose followers died with it."""

    def __init__(self, store: JobStore) -> None:
        self.store = store
        self.client = uuid.uuid4().hex
        self._wake = store.keys.reader(self.client)
        self._wake_at = "0-0"
        self._closed = False
        self._lock = threading.Lock()
        self._inboxes: dict[str, dict[int, queue.SimpleQueue[Entry]]] = {}
        self._cursors: dict[str, str] = {}
        # Blocks for seconds on purpose, so it cannot share the store's socket timeout.
        self._redis = Redis.from_url(store.settings.redis_url, socket_timeout=None, socket_connect_timeout=2)
        self._thread = threading.Thread(target=self._read, name="follower", daemon=True)
        self._thread.start()
        presence = Presence(store)
        self._heartbeat = Heartbeat(lambda: presence.show_client(self.client), store.settings.worker_lease / 3)

    def events(self, job_id: str, after: str = "0", silence: float = 1.0) -> Iterator[Entry | None]:
        """A job's events after the id `after`, to the terminal one; None for every `silence` seconds without any.

        Raises NotFound when the record is gone (it expired, or Redis lost it).
        """
        last, looked = after, 0.0  # asked at the first silence, as its stream may be gone, and then now and then
        with self._inbox(job_id) as inbox:
            while True:
                try:
                    entry = inbox.get(timeout=silence)
                except queue.Empty:
                    if time.monotonic() - looked >= _LOOK:
                        looked = time.monotonic()
                        try:
                            ended = self.store.ended(job_id)
                        except QueueUnavailable:  # it comes back, or the caller's patience ends
                            ended = False
                        if ended:
                            yield from self._remaining(self._record(job_id), last)
                            return
                    yield None
                    continue
                if _before(last, entry[0]):
                    last, looked = entry[0], time.monotonic()
                    yield entry
                    if isinstance(entry[1], events.TERMINAL):
                        return

    def _record(self, job_id: str) -> Record:
        record = self.store.find(job_id)
        if record is None:
            raise NotFound(f"job '{job_id}' is gone")
        return record

    def _remaining(self, record: Record, last: str) -> Iterator[Entry]:
        """What a finished job's follower has not seen: from the stream while it stands, else from the record."""
        with answers():
            key = self.store.keys.events(record.job.id)
            found = self.store.redis.xrange(key, min=f"({last}" if last != "0" else "-")
        if found:
            for entry_id, fields in found:
                yield entry_id.decode(), events.decode(fields[b"e"])
            return
        yield from recorded(self.store, record, last)

    @contextmanager
    def _inbox(self, job_id: str) -> Iterator[queue.SimpleQueue[Entry]]:
        inbox: queue.SimpleQueue[Entry] = queue.SimpleQueue()
        key = self.store.keys.events(job_id)
        with self._lock:
            self._inboxes.setdefault(key, {})[id(inbox)] = inbox
            self._cursors[key] = "0"  # a second follower reads from the start; the first drops what it knows
        self._nudge()
        try:
            yield inbox
        finally:
            with self._lock:
                self._inboxes[key].pop(id(inbox))
                if not self._inboxes[key]:
                    del self._inboxes[key], self._cursors[key]

    def _nudge(self) -> None:
        try:
            with self.store.redis.pipeline() as pipe:
                pipe.xadd(self._wake, {"n": 1}, maxlen=1)
                pipe.expire(self._wake, 300)
                pipe.execute()
        except AWAY:
            log.warning("the reader will notice its new follower within a second")

    def _read(self) -> None:
        away = False
        while not self._closed:
            with self._lock:
                cursors = dict(self._cursors)
            try:
                found = self._redis.xread({self._wake: self._wake_at, **cursors}, block=1000)
            except AWAY as error:
                if not away:
                    log.warning("job events cannot be read; trying until they can", error=str(error))
                away = True
                time.sleep(0.1)
                continue
            away = False
            for key, entries in rows(found):
                self._deliver(key, cursors, entries)

    def _deliver(self, key: str, cursors: dict[str, str], entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        if key == self._wake:
            self._wake_at = entries[-1][0].decode()
            return
        decoded = [(entry_id.decode(), events.decode(fields[b"e"])) for entry_id, fields in entries]
        with self._lock:
            if self._cursors.get(key) != cursors[key]:
                return  # left, or begun anew, while this was being read
            self._cursors[key] = decoded[-1][0]
            inboxes = list(self._inboxes[key].values())
        for inbox in inboxes:
            for entry in decoded:
                inbox.put(entry)

    def close(self) -> None:
        """End the threads."""
        self._heartbeat.stop()
        self._closed = True
        self._nudge()
        self._thread.join()
        self._redis.close()


def recorded(store: JobStore, record: Record, last: str) -> Iterator[Entry]:
    """What a finished job's record tells, after the id `last`, when the stream has gone."""
    if record.terminal is None or not _before(last, record.last):
        return
    attempt, number = (int(part) for part in record.last.split("-"))
    told = list(rebuilt(store.result(record))) if record.result is not None else []
    for index, event in enumerate(told):  # fewer than there were, so these ids have all been given
        entry_id = f"{attempt}-{number - len(told) + index}"
        if _before(last, entry_id):
            yield entry_id, event
    yield record.last, record.terminal


def rebuilt(result: fold.Result) -> Iterator[Event]:
    """Events that fold to this result, for a reader who comes when the stream has gone."""
    if isinstance(result, fold.TextResult):
        for index, choice in enumerate(result.choices):
            calls = [
                events.CallDelta(number, call.id, call.name, call.arguments) for number, call in enumerate(choice.calls)
            ]
            yield events.Delta(
                choice.text, index, choice.finish_reason, choice.logprobs, choice.reasoning, tuple(calls)
            )
    elif isinstance(result, fold.TranscriptResult):
        yield events.Recording(result.seconds, result.language)
        yield from result.segments
    elif isinstance(result, fold.PicturesResult):
        yield from result.pictures


def _before(last: str, entry_id: str) -> bool:
    return _pair(last) < _pair(entry_id)


def _pair(entry_id: str) -> tuple[int, int]:
    attempt, _, number = entry_id.partition("-")
    return int(attempt), int(number or 0)


def rows(found: object) -> Iterator[tuple[str, list[tuple[bytes, dict[bytes, bytes]]]]]:
    """XREAD's answer in either protocol: a list of pairs (RESP2), or a mapping to lists of lists (RESP3)."""
    if isinstance(found, dict):
        for key, batches in found.items():
            yield key.decode(), [entry for batch in batches for entry in batch]
    elif isinstance(found, list):
        for key, entries in found:
            yield key.decode(), entries

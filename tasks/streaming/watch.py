"""Reading many jobs or batches at the pace of one reader: of a stream nothing is kept here but where it was read to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from tasks.batches.batches import Batches, BatchState
from tasks.redis.job_scripts import STATUS
from tasks.redis.scripts import answers
from tasks.redis.store import JobStore
from tasks.redis.stream_entries import readable, recorded, rows
from tasks.values import events
from tasks.values.errors import NotFound
from tasks.values.events import Event
from tasks.values.job import Status

_COUNT = 16  # events of each job at a time
_LOOK = 2.0  # seconds after which the records of silent jobs are asked
BATCH_PACE = 0.5  # seconds between looks at a batch


class Told(NamedTuple):
    """One event of one job."""

    job_id: str
    entry_id: str
    event: Event


class Over(NamedTuple):
    """The job has ended, and this is all of it; None when its record is gone."""

    job_id: str
    status: Status | None


Sight: TypeAlias = Told | Over


class Watch:
    """Jobs that are watched together, by one thread."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._cursors: dict[str, str] = {}
        self._added: set[str] = set()
        self._looked = time.monotonic()

    def __len__(self) -> int:
        return len(self._cursors)

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._cursors

    def add(self, job_id: str, after: str = "0") -> None:
        """Watch a job from the event after this id on."""
        self._cursors[job_id] = after
        self._added.add(job_id)  # its stream may be gone, so it is looked at with the next read

    def drop(self, job_id: str) -> None:
        """Watch a job no more."""
        self._cursors.pop(job_id, None)

    def read(self, patience: float) -> Iterator[Sight]:
        """What there is to see, waiting for it up to `patience` seconds; a job that is over is dropped."""
        if not self._cursors:
            return
        names = {self._store.keys.events(job_id): job_id for job_id in self._cursors}
        cursors = {key: self._cursors[job_id] for key, job_id in names.items()}
        with answers():
            answer = self._store.redis.xread(cursors, count=_COUNT, block=max(1, int(patience * 1000)))
        changed = set()
        for key, entries in rows(answer):
            changed.add(names[key])
            for entry_id, fields in entries:
                yield from self._told(names[key], entry_id.decode(), readable(fields[b"e"]))
        looked_at, self._added = self._added, set()
        if time.monotonic() - self._looked >= _LOOK:
            self._looked, looked_at = time.monotonic(), set(self._cursors)
        for job_id in looked_at - changed:
            if job_id in self._cursors:
                yield from self._look(job_id)

    def _told(self, job_id: str, entry_id: str, event: Event) -> Iterator[Sight]:
        self._cursors[job_id] = entry_id
        yield Told(job_id, entry_id, event)
        if isinstance(event, events.TERMINAL):
            self.drop(job_id)
            yield Over(job_id, STATUS[type(event)])

    def _look(self, job_id: str) -> Iterator[Sight]:
        """What the record tells of a job whose stream is silent: it may have ended long ago."""
        store, last = self._store, self._cursors[job_id]
        if not store.ended(job_id):
            return
        with answers():
            if store.redis.xrange(store.keys.events(job_id), min=f"({last}" if last != "0" else "-", count=1):
                return  # it has just ended; the next read says so
        self.drop(job_id)
        record = store.find(job_id)
        try:
            for entry_id, event in recorded(store, record, last) if record is not None else ():
                yield Told(job_id, entry_id, event)
        except NotFound:  # somebody deleted the file that its result was kept in
            record = None
        yield Over(job_id, None if record is None else record.status)


class BatchWatch:
    """Batches that are watched together: each is told as it stands, and at most twice a second as it changes."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._told: dict[str, tuple[object, ...]] = {}
        self._due: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, batch_id: str) -> bool:
        return batch_id in self._due

    def add(self, batch_id: str) -> None:
        """Watch a batch, from how it stands now on."""
        self.drop(batch_id)
        self._due[batch_id] = 0.0

    def drop(self, batch_id: str) -> None:
        """Watch a batch no more."""
        self._due.pop(batch_id, None)
        self._told.pop(batch_id, None)

    def read(self) -> Iterator[tuple[str, BatchState | None]]:
        """The batches whose status or counts have changed, None for one that is gone; one that is over is dropped."""
        now = time.monotonic()
        due = [batch_id for batch_id, at in self._due.items() if at <= now]
        for batch_id, state in zip(due, self._batches.read(due) if due else (), strict=True):
            self._due[batch_id] = now + BATCH_PACE
            shown = () if state is None else (state.status, state.total, state.completed, state.failed)
            if state is None or state.status.terminal:
                self.drop(batch_id)
            elif self._told.get(batch_id) == shown:
                continue
            else:
                self._told[batch_id] = shown
            yield batch_id, state

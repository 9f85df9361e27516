"""Lines whose media is fetched, made into jobs beside the runner's turns: no slow server holds up other lines."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import NamedTuple, TypeAlias

import structlog

from tasks.batches.batches import Batch
from tasks.values.job import Job
from web.batches.input_lines import Line
from web.batches.line_jobs import OutputLine

AT_ONCE = 16  # lines that wait for servers, each in a thread
PAUSE = 5.0  # seconds until a line is tried again that failed by no fault of its own
Key: TypeAlias = tuple[str, int]  # batch and line
log = structlog.get_logger()


class Made(NamedTuple):
    """A line with its job, or with the error that its endpoint answers at once."""

    batch: Batch
    line: Line
    job: Job | OutputLine


class _Waiting(NamedTuple):
    """A line to be made into a job, from a moment of the monotonic clock on."""

    batch: Batch
    line: Line
    due: float


class Downloads:
    """The lines under way. All but `make` runs in the runner's thread."""

    def __init__(self, make: Callable[[Batch, Line], Job | OutputLine]) -> None:
        self._make = make
        self._waiting: dict[Key, _Waiting] = {}
        self._going: dict[Key, bool] = {}  # whether somebody still wants it
        self._ended: SimpleQueue[tuple[Batch, Line, Job | OutputLine | Exception]] = SimpleQueue()

    def __contains__(self, key: Key) -> bool:
        return key in self._waiting or self._going.get(key, False)

    def add(self, batch: Batch, line: Line, wait: float = 0.0) -> None:
        """Begin with a line after `wait` seconds, or go on with it."""
        key = (batch.id, line.number)
        if key in self._going:
            self._going[key] = True
        else:
            self._waiting[key] = _Waiting(batch, line, time.monotonic() + wait)

    def again(self, batch: Batch, line: Line, error: Exception) -> None:
        """Begin anew in a while with a line that could not be made by no fault of its own."""
        log.warning("a line waits; trying again", batch_id=batch.id, line=line.number, error=str(error))
        self.add(batch, line, PAUSE)

    def drop(self, batch_id: str) -> None:
        """Want nothing more of a batch; what is being fetched goes on for as long as it may, and comes to nothing."""
        self._waiting = {key: value for key, value in self._waiting.items() if key[0] != batch_id}
        self._going = {key: wanted and key[0] != batch_id for key, wanted in self._going.items()}

    def clear(self) -> None:
        """Want nothing more."""
        self._waiting.clear()
        self._going = dict.fromkeys(self._going, False)

    def turn(self) -> Iterator[Made]:
        """Begin what there is room for, and tell what has ended; what is not a line's own fault is tried again."""
        now = time.monotonic()
        due = {key for key, waiting in self._waiting.items() if waiting.due <= now}
        while due and len(self._going) < AT_ONCE:
            batches = Counter(batch_id for batch_id, _ in self._going)
            key = min(due, key=lambda key: (batches[key[0]], self._waiting[key].due))
            due.remove(key)
            self._begin(key)
        while True:
            try:
                batch, line, outcome = self._ended.get_nowait()
            except Empty:
                return
            if not self._going.pop((batch.id, line.number)):
                continue
            if isinstance(outcome, Exception):
                self.again(batch, line, outcome)
            else:
                yield Made(batch, line, outcome)

    def _begin(self, key: Key) -> None:
        batch, line, _ = self._waiting.pop(key)
        self._going[key] = True
        threading.Thread(target=self._run, args=(batch, line), name="download", daemon=True).start()

    def _run(self, batch: Batch, line: Line) -> None:
        try:
            self._ended.put((batch, line, self._make(batch, line)))
        except Exception as error:
            self._ended.put((batch, line, error))

"""Lines whose media is fetched, made into jobs beside the runner's turns: no slow server holds up other lines."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import NamedTuple, TypeAlias

from tasks.batches import Batch
from tasks.job import Job
from web.runner.clerk import Entry
from web.runner.reading import Line

AT_ONCE = 16  # lines that wait for servers, each in a thread
Key: TypeAlias = tuple[str, int]  # batch and line


class Made(NamedTuple):
    """A line with its job, or with the error that its endpoint answers at once."""

    batch: Batch
    line: Line
    job: Job | Entry


class Downloads:
    """The lines under way. All but `make` runs in the runner's thread."""

    def __init__(self, make: Callable[[Batch, Line], Job | Entry]) -> None:
        self._make = make
        self._waiting: dict[Key, tuple[Batch, Line]] = {}
        self._going: dict[Key, bool] = {}  # whether somebody still wants it
        self._ended: SimpleQueue[tuple[Key, Made | Exception]] = SimpleQueue()

    def __contains__(self, key: Key) -> bool:
        return key in self._waiting or self._going.get(key, False)

    def add(self, batch: Batch, line: Line) -> None:
        """Begin with a line, or go on with it."""
        key = (batch.id, line.number)
        if key in self._going:
            self._going[key] = True
        else:
            self._waiting[key] = (batch, line)

    def drop(self, batch_id: str) -> None:
        """Want nothing more of a batch; what is being fetched goes on for as long as it may, and comes to nothing."""
        self._waiting = {key: value for key, value in self._waiting.items() if key[0] != batch_id}
        self._going = {key: wanted and key[0] != batch_id for key, wanted in self._going.items()}

    def clear(self) -> None:
        """Want nothing more."""
        self._waiting.clear()
        self._going = dict.fromkeys(self._going, False)

    def turn(self) -> Iterator[Made]:
        """Begin what there is room for, and tell what has ended; raises what is not a line's fault."""
        while self._waiting and len(self._going) < AT_ONCE:
            batches = Counter(batch_id for batch_id, _ in self._going)
            self._begin(min(self._waiting, key=lambda key: batches[key[0]]))
        while True:
            try:
                key, made = self._ended.get_nowait()
            except Empty:
                return
            wanted = self._going.pop(key)
            if isinstance(made, Exception):
                raise made
            if wanted:
                yield made

    def _begin(self, key: Key) -> None:
        self._going[key] = True
        threading.Thread(target=self._run, args=(key, *self._waiting.pop(key)), name="download", daemon=True).start()

    def _run(self, key: Key, batch: Batch, line: Line) -> None:
        try:
            self._ended.put((key, Made(batch, line, self._make(batch, line))))
        except Exception as error:
            self._ended.put((key, error))

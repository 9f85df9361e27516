"""The work of one cell: streams, polled jobs, a batch and a recording, all under way at once on one stack."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError

from bench.faults.clients import LIMIT, Dictation, Polled, Told, heard
from bench.faults.stage import LINES, ROWS, Size, Stage
from tests.faults.bulk import ENDED, Batch, code
from tests.faults.clients import CHAT, Clients, body, expected
from tests.support.servers import eventually


class Load:
    """So much of it that it goes on after a trouble of so many seconds."""

    def __init__(self, stage: Stage, size: Size, seconds: float) -> None:
        self._stage = stage
        self._written = stage.journal.stat().st_size
        self.clients = Clients(stage.stack, LIMIT)
        tokens = math.ceil((seconds + size.beyond) * 1000 / size.step_ms)
        self._dictations = [Dictation(self.clients, size.recording)] if size.recording else []
        self._batches = [Lines(stage.stack.url, size, seconds)] if size.lines else []
        self._jobs = [Polled(self.clients, f"j{n}x", tokens) for n in range(size.jobs)]
        texts = [f"s{n}x" for n in range(size.streams)]
        self._streams = {expected(text, tokens): self.clients.stream(text, tokens) for text in texts}

    def close(self) -> None:
        """Hang up."""
        self.clients.close()

    def under_way(self) -> None:
        """Return when all of it runs."""

        def started() -> bool:
            return all(
                [
                    *(stream.chunks or stream.ended for stream in self._streams.values()),
                    *(self.clients.record(job.job_id).status == "running" for job in self._jobs),
                    *(batch.batch.done() >= 10 for batch in self._batches),
                ]
            )

        eventually(started, within=120, every=0.2)

    def end(self, until: float) -> None:
        """Wait for the ends of all until then (monotonic seconds), and no longer."""
        for one in (*self._streams.values(), *self._dictations):
            assert one.thread is not None
            one.thread.join(max(0.0, until - time.monotonic()))
        for each in (*self._jobs, *self._batches):
            each.end(until)

    def told(self) -> Iterator[Told]:
        """What all of the clients were told."""
        for text, stream in self._streams.items():
            yield heard("stream", stream, text)
        yield from (told for job in self._jobs for told in job.told)
        yield from (dictation.told for dictation in self._dictations)
        yield from (told for batch in self._batches for told in batch.told())

    def lost(self) -> int:
        """How many jobs have no end, and lines no record."""
        jobs = [stream.job_id for stream in self._streams.values() if stream.job_id]
        jobs += [one.job_id for one in (*self._jobs, *self._dictations)]
        return sum(not self._ended(job) for job in jobs) + sum(batch.missing() for batch in self._batches)

    def _ended(self, job: str) -> bool:
        with suppress(AssertionError, RedisError):  # not known, or nobody left to ask
            return self.clients.record(job).status.terminal
        return False

    def twice(self, killed: Set[int]) -> int:
        """How many jobs began again although none of these killed processes had them; and lines that stand twice."""
        began: defaultdict[str, list[int]] = defaultdict(list)
        with self._stage.journal.open() as journal:
            journal.seek(self._written)
            for job, pid in map(str.split, journal):
                began[job].append(int(pid))
        again = sum(any(pid not in killed for pid in pids[:-1]) for pids in began.values())
        return again + sum(batch.doubled() for batch in self._batches)

    def dictated_again(self) -> int:
        """How many recordings began again, whose engine keeps no journal."""
        return sum(self._attempts(dictation.job_id) > 1 for dictation in self._dictations)

    def _attempts(self, job: str) -> int:
        with suppress(AssertionError, RedisError):
            return self.clients.record(job).attempt
        return 0


class Lines:
    """A batch, and what stands in its files in the end."""

    def __init__(self, url: str, size: Size, seconds: float) -> None:
        a_word = size.lines / ROWS * LINES["options"]["step_ms"] / 1000  # seconds for one of every line
        self._words = max(2, math.ceil((seconds + size.beyond) / a_word))
        texts = [f"l{n}x" for n in range(size.lines)]
        bodies = {text: {**body(text, self._words), "model": LINES["served_model_name"]} for text in texts}
        self.batch = Batch(url, CHAT, bodies)
        self._output: list[Mapping[str, Any]] = []
        self._errors: list[Mapping[str, Any]] = []

    def end(self, until: float) -> None:
        """Wait for its end until then (monotonic seconds), and no longer; then read its files."""
        while True:
            found = self.batch.get(f"/v1/batches/{self.batch.id}")
            if found is not None and (seen := found.json())["status"] in ENDED:
                self._output = self.batch.records(seen["output_file_id"])
                self._errors = self.batch.records(seen["error_file_id"])
                return
            if time.monotonic() > until:
                return
            time.sleep(0.25)

    def told(self) -> Iterator[Told]:
        """What the records say."""
        yield from (Told("line", str(code(record))) for record in self._errors)
        for record in self._output:
            text = record["response"]["body"]["choices"][0]["message"]["content"]
            yield Told("line", right=text == expected(record["custom_id"], self._words))

    def _names(self) -> list[str]:
        return [record["custom_id"] for record in (*self._output, *self._errors)]

    def missing(self) -> int:
        """How many lines have no record."""
        return len(self.batch.bodies.keys() - set(self._names()))

    def doubled(self) -> int:
        """How many records there are too many."""
        return len(self._names()) - len(set(self._names()))

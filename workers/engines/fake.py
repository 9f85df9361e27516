"""An engine without a model, for measuring and breaking the queue: never for claiming a feature.

It answers a chat with `max_tokens` numbered words, one a row and step of `step_ms` milliseconds, and embeddings with
vectors made from their inputs' lengths. The last message may ask for trouble: `die` kills the process at its first
step, `fail` ends the row in an error, `break` raises inside a step, `refuse` is refused when checked.
"""

from __future__ import annotations

import base64
import os
import signal
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

from mlxq.catalogue import ModelEntry
from mlxq.settings import Settings
from tasks import events
from tasks.errors import EngineError, Failure, InvalidValue
from tasks.events import Event
from tasks.job import Job
from tasks.requests import ChatRequest, EmbeddingRequest
from workers.engine import Engine, Prepared


@dataclass
class _Row:
    job: Job
    word: str
    tokens: int
    emitted: int = 0


class FakeEngine(Engine[_Row]):
    """Words and vectors out of nothing, at a set pace."""

    def __init__(self, slots: int, step: float) -> None:
        self.slots = slots
        self._step = step
        self._rows: dict[str, _Row] = {}

    def check(self, job: Job) -> Prepared[_Row]:
        """Refuses the prompt `refuse`."""
        word, tokens = "vector", 1
        if isinstance(job.payload, ChatRequest):
            word = job.payload.messages[-1].content.split(" ")[0] or "word"
            tokens = job.payload.max_tokens or 16
        if word == "refuse":
            raise InvalidValue("the prompt asks to be refused", param="messages")
        return Prepared(prompt_tokens=len(word), plan=_Row(job, word, tokens))

    def admit(self, row: str, prepared: Prepared[_Row]) -> None:
        self._rows[row] = prepared.plan

    def step(self) -> Sequence[tuple[str, Event]]:
        """One word a row."""
        words = {row.word for row in self._rows.values()}
        if "die" in words:
            os.kill(os.getpid(), signal.SIGKILL)
        if "break" in words:
            raise RuntimeError("asked to break")
        time.sleep(self._step)
        produced: list[tuple[str, Event]] = []
        for name, row in list(self._rows.items()):
            produced += [(name, event) for event in self._advance(row)]
            if isinstance(produced[-1][1], events.TERMINAL):
                del self._rows[name]
        return produced

    def _advance(self, row: _Row) -> list[Event]:
        if row.word == "fail":
            return [events.Failed(Failure(EngineError.code, "the prompt asks to fail"))]
        if isinstance(row.job.payload, EmbeddingRequest):
            inputs = row.job.payload.inputs
            vectors = [base64.b64encode(struct.pack("<2f", len(text), 1.0)).decode() for text in inputs]
            found: list[Event] = [events.Vector(index, data) for index, data in enumerate(vectors)]
            return [*found, events.Done(events.Usage(prompt_tokens=sum(map(len, inputs))))]
        row.emitted += 1
        last = row.emitted == row.tokens
        delta = events.Delta(f"{row.word}{row.emitted} ", finish_reason="length" if last else None)
        usage = events.Usage(prompt_tokens=len(row.word), completion_tokens=row.emitted)
        return [delta, events.Done(usage)] if last else [delta]

    def drop(self, row: str) -> None:
        self._rows.pop(row, None)


def load(entry: ModelEntry, settings: Settings) -> FakeEngine:
    """The fake engine with the entry's `options` (`step_ms`, `load_error`) and batch size."""
    del settings
    if message := entry.options.get("load_error"):
        raise RuntimeError(str(message))
    return FakeEngine(entry.batch_completion_size or 32, float(entry.options.get("step_ms", 20)) / 1000)

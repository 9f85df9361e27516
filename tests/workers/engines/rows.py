"""Running an engine as the batcher does, without the queue."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from tasks.values import events
from tasks.values.events import Event
from tasks.values.job import Job, Lane, job_id
from tasks.values.messages import Message
from tasks.values.requests import ChatRequest, EmbeddingRequest, Payload
from workers.engine import Engine

Vector: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]


def job(payload: Payload) -> Job:
    clock = time.time_ns() // 1000
    now = clock // 1000
    return Job(
        id=job_id(clock),
        owner="anonymous",
        model="model",
        endpoint="",
        payload=payload,
        created=now,
        deadline=now + 60_000,
        lane=Lane.INTERACTIVE,
        keep=60,
    )


def chat(text: str, **options: Any) -> Job:
    return job(ChatRequest((Message("user", text),), **{"temperature": 0.0, "max_tokens": 12, **options}))


def embedding(*inputs: str | tuple[int, ...], **options: Any) -> Job:
    return job(EmbeddingRequest(inputs, **options))


class Batch:
    """Rows of one engine and what came of them."""

    def __init__(self, engine: Engine[Any]) -> None:
        self.engine = engine
        self.heard: dict[str, list[Event]] = {}
        self.steps = 0

    def admit(self, name: str, job: Job) -> None:
        prepared = self.engine.prepare(job)
        self.heard[name] = list(prepared.events)
        if not prepared.events:
            self.engine.admit(name, prepared)

    def step(self) -> None:
        self.steps += 1
        for name, event in self.engine.step():
            self.heard[name].append(event)

    def drop(self, name: str) -> None:
        self.engine.drop(name)
        del self.heard[name]

    def ended(self, name: str) -> bool:
        return bool(self.heard[name]) and isinstance(self.heard[name][-1], events.TERMINAL)

    def run(self, most: int = 2000) -> Batch:
        """Step until every row has ended."""
        while not all(self.ended(name) for name in self.heard):
            self.step()
            assert self.steps < most, "rows do not end"
        return self

    def text(self, name: str) -> str:
        return "".join(event.text for event in self.heard[name] if isinstance(event, events.Delta))

    def reason(self, name: str) -> str | None:
        (last,) = [event for event in self.heard[name] if isinstance(event, events.Delta) and event.finish_reason]
        return last.finish_reason

    def usage(self, name: str) -> events.Usage:
        done = self.heard[name][-1]
        assert isinstance(done, events.Done), done
        return done.usage


def run(engine: Engine[Any], *jobs: Job) -> Batch:
    batch = Batch(engine)
    for number, one in enumerate(jobs):
        batch.admit(str(number), one)
    return batch.run()


def vectors(batch: Batch, name: str) -> list[Vector]:
    """A row's vectors in the order of its inputs."""
    data = {event.index: event.data for event in batch.heard[name] if isinstance(event, events.Vector)}
    return [np.frombuffer(base64.b64decode(data[index]), "<f4") for index in range(len(data))]


def texts(engine: Engine[Any], jobs: Sequence[Job]) -> list[str]:
    batch = run(engine, *jobs)
    return [batch.text(str(number)) for number in range(len(jobs))]

"""The fake engine, which only sleeps, behind the whole stack and by itself in this process."""

from __future__ import annotations

import asyncio
import queue
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.client import CHAT, Connection, Heard, streams, together
from bench.report.measurement import IN_PROCESS, OURS
from mlxq.entries.fake import FakeEntry, FakeOptions
from mlxq.settings import Settings
from tasks.values.events import Done
from tasks.values.job import Job
from tasks.values.messages import Message
from tasks.values.requests import ChatRequest
from tests.workers.engines.rows import job
from workers.engines import fake


def body(tokens: int) -> dict[str, Any]:
    """A chat of so many words."""
    message = {"role": "user", "content": "word"}
    return {"model": "fake", "messages": [message], "max_tokens": tokens, "stream": True}


def spoken(heard: Sequence[Heard]) -> list[list[float]]:
    """The moment at which each word of each stream came; several may come in one piece."""
    return [[moment for moment, text in one.pieces for _ in range(text.count("word"))] for one in heard]


@dataclass(frozen=True)
class Served:
    """The fake engine behind a stack, whose steps take so many seconds."""

    url: str
    step: float
    name: str = OURS

    def rate(self, number: int, tokens: int) -> float:
        """Tokens/s while all streams run: from the last one's first token to the first one's last."""
        words = spoken(streams(self.url, [body(tokens)] * number))
        since, until = max(one[0] for one in words), min(one[-1] for one in words)
        return sum(since < moment <= until for one in words for moment in one) / (until - since)

    def first_tokens(self, number: int, probes: int) -> list[float]:
        """Seconds until the first token of calls that join, at any moment, while all other streams run."""
        return together([lambda: self._first_tokens(number, probes)])[0]

    async def _first_tokens(self, number: int, probes: int) -> list[float]:
        stopped = asyncio.Event()

        async def background() -> None:
            connection = Connection(self.url)
            while not stopped.is_set():
                await connection.stream(CHAT, body(256), lambda heard: stopped.is_set())
            connection.close()

        others = [asyncio.create_task(background()) for _ in range(number - 1)]
        await asyncio.sleep(1)
        connection, waited = Connection(self.url), []
        for _ in range(probes):
            await asyncio.sleep(self.step * (1 + random.random()))
            waited.append((await connection.stream(CHAT, body(1))).first)
        connection.close()
        stopped.set()
        await asyncio.gather(*others)
        return waited


@dataclass(frozen=True)
class Alone:
    """The fake engine in this process, whose steps take so many seconds."""

    step: float
    rows: int = 32
    name: str = IN_PROCESS

    def _engine(self) -> fake.FakeEngine:
        options = FakeOptions(step_ms=1000 * self.step)
        entry = FakeEntry(model_path="none", batch_completion_size=self.rows, options=options)
        return fake.load(entry, Settings())

    def rate(self, number: int, tokens: int) -> float:
        """Tokens/s of so many rows."""
        engine, ended, told = self._engine(), 0, 0
        for row in range(number):
            engine.admit(str(row), engine.prepare(_request(tokens)))
        began = time.perf_counter()
        while ended < number:
            produced = engine.step()
            done = sum(isinstance(event, Done) for _, event in produced)
            ended, told = ended + done, told + len(produced) - done
        return told / (time.perf_counter() - began)

    def first_tokens(self, number: int, probes: int) -> list[float]:
        """Seconds until the first token of rows that join, at any moment, while all other rows run."""
        engine, inbox, heard = self._engine(), queue.SimpleQueue[str](), dict[str, float]()
        for row in range(number - 1):
            engine.admit(f"long{row}", engine.prepare(_request(1_000_000)))
        stopped = threading.Event()

        def run() -> None:
            while not stopped.is_set():
                name = inbox.get() if number == 1 else None
                while name is not None or not inbox.empty():
                    name = name or inbox.get()
                    engine.admit(name, engine.prepare(_request(1)))
                    name = None
                for row, _ in engine.step():
                    heard.setdefault(row, time.perf_counter())

        thread = threading.Thread(target=run)
        thread.start()
        waited = []
        for probe in map(str, range(probes)):
            time.sleep(self.step * (1 + random.random()))
            asked = time.perf_counter()
            inbox.put(probe)
            while probe not in heard:
                time.sleep(0.0005)
            waited.append(heard[probe] - asked)
        stopped.set()
        inbox.put("last")
        thread.join()
        return waited


def _request(tokens: int) -> Job:
    return job(ChatRequest((Message("user", "word"),), max_tokens=tokens))

"""A recording whose worker is killed goes on behind the last window that was told."""

from __future__ import annotations

import io
import os
import signal
import wave
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from tasks.processes.presence import Presence
from tasks.redis import store as stores
from tasks.values import events
from tasks.values.events import Event, Progress, Segment, Started
from tests.servers import PATIENCE, Stack, Valkey, eventually, running
from tests.workers.engines.speech import tiny

SECONDS = 250


@pytest.fixture(scope="module")
def stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One whose only model says something about any noise, two windows at a time."""
    folder = tmp_path_factory.mktemp("speech")
    tiny.save(folder / "ear", context=32)
    model = {"model_path": str(folder / "ear"), "served_model_name": "ear", "model_type": "whisper"}
    yield from running(Stack(valkey, folder / "stack", [{**model, "batch_completion_size": 2}]))


def noise() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(np.random.default_rng(0).normal(0, 3000, SECONDS * 16_000).astype("<i2").tobytes())
    return file.getvalue()


def test_windows_that_were_told_are_not_heard_again(stack: Stack) -> None:
    store = stores.connect(stack.settings)
    with httpx.Client(base_url=stack.url, timeout=PATIENCE) as http:

        def told(job: str) -> list[Event]:
            return [events.decode(fields[b"e"]) for _, fields in store.redis.xrange(store.keys.events(job))]

        def done(job: str) -> dict[str, Any] | None:
            shown = dict(http.get(f"/v1/jobs/{job}").json())
            return shown if shown["status"] not in ("queued", "running") else None

        data = {"model": "ear", "temperature": "0.5", "response_format": "verbose_json"}
        sent = http.post(
            "/v1/audio/transcriptions",
            data=data,
            files={"file": ("noise.wav", noise())},
            headers={"Prefer": "respond-async"},
        )
        job = sent.json()["id"]
        eventually(lambda: sum(isinstance(event, Progress) for event in told(job)) >= 3)
        os.kill(Presence(store).workers("ear")[0].pid, signal.SIGKILL)
        ended = eventually(lambda: done(job))
        assert (ended["status"], ended["attempts"]) == ("succeeded", 2)
        every = told(job)
        again = max(at for at, event in enumerate(every) if isinstance(event, Started))
        before, after = every[:again], every[again:]
        reached = max(event.done for event in before if isinstance(event, Progress))
        assert next(event for event in after if isinstance(event, Progress)).done == reached
        kept = [event for event in before if isinstance(event, Segment)]
        segments = [event for event in after if isinstance(event, Segment)]
        assert segments[: len(kept)] == kept and len(segments) > len(kept)
        starts = [segment.start for segment in segments]
        assert starts == sorted(starts) and starts[-1] > SECONDS - 40
        result = http.get(f"/v1/jobs/{job}/result").json()
        assert [one["text"] for one in result["segments"]] == [segment.text for segment in segments]
    store.redis.close()

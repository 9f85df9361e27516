"""A recording whose worker is killed goes on behind the last window that was told."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import wave
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tasks.processes.presence import Presence
from tasks.redis import store as stores
from tasks.redis.store import JobStore
from tasks.values import events
from tasks.values.events import Event, Progress, Segment, Started
from tests.support.servers import PATIENCE, Stack, Valkey, eventually, running
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


def says(socket: ClientConnection, kind: str) -> None:
    """Wait for an event of this kind."""
    while json.loads(socket.recv(timeout=PATIENCE))["type"] != kind:
        continue


def test_a_session_whose_web_is_killed_ends_and_so_does_what_it_asked_for(stack: Stack) -> None:
    store = stores.connect(stack.settings)
    (worker,) = Presence(store).workers("ear")
    session = {"type": "transcription", "audio": {"input": {"turn_detection": None, "transcription": {"model": "ear"}}}}
    with connect(f"ws{stack.url[4:]}/v1/realtime?intent=transcription") as socket:
        says(socket, "session.created")
        socket.send(json.dumps({"type": "session.update", "session": session}))
        says(socket, "session.updated")
        os.kill(worker.pid, signal.SIGSTOP)  # so that it is not written down before its web is killed
        try:
            sound = np.random.default_rng(0).normal(0, 3000, 24_000).astype("<i2").tobytes()
            socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(sound).decode()}))
            socket.send(json.dumps({"type": "input_audio_buffer.commit"}))
            says(socket, "input_audio_buffer.committed")
            (job,) = eventually(lambda: unfinished(stack))
            for process in psutil.Process(stack.web.pid).children():  # gunicorn starts another one
                process.kill()
            with pytest.raises(ConnectionClosed):
                says(socket, "nothing")
            ended = eventually(lambda: terminal(store, job))
            assert isinstance(ended, events.Failed) and ended.failure.code == "web_lost"
        finally:
            os.kill(worker.pid, signal.SIGCONT)
    stack.ready()
    store.redis.close()


def terminal(store: JobStore, job: str) -> Event | None:
    """How a job ended, asked without the web."""
    record = store.find(job)
    return record and record.terminal


def unfinished(stack: Stack) -> list[str]:
    """The calls of the model that somebody waits for."""
    listed = httpx.get(f"{stack.url}/v1/jobs", params={"include": "sync", "model": "ear", "status": "queued"}).json()
    return [job["id"] for job in listed["data"]]

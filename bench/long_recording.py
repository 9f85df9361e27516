"""`python -m bench.long_recording [MINUTES]`: the memory of web and worker while a recording of three hours is heard.

Real speech (LibriVox) again and again, as Opus in Ogg, through a stack of its own; half way the worker is killed.
Prints each process's resident memory before, while and after, in MB, and where the second worker went on.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import tempfile
import time
import wave
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import av
import httpx
import numpy as np
import psutil

from bench.stacks import served
from tasks.processes.presence import Presence
from tasks.redis import store as stores
from tasks.values import events
from tasks.values.events import Progress, Started
from tests.support import recordings, starter
from tests.support.servers import Stack

MODEL = "whisper-tiny.en"
MINUTES, RATE, PAUSE = 180, 16_000, 0.4  # minutes, Hz, seconds between two sentences
LOOK = 1.0  # seconds between two looks
ENDED = ("succeeded", "failed", "cancelled", "expired")


def speech(path: Path, minutes: float) -> None:
    """Write the sentences in turn, a packet at a time."""
    sentences = itertools.cycle([_samples(path) for path, _ in recordings.librivox()])
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libopus", rate=RATE, layout="mono", bit_rate=24_000)
        written = 0
        while written < minutes * 60 * RATE:
            samples = np.concatenate([next(sentences), np.zeros(int(PAUSE * RATE), np.int16)])
            frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, written
            file.mux(stream.encode(frame))
            written += len(samples)
        file.mux(stream.encode(None))


def _samples(path: Path) -> np.ndarray[Any, Any]:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


class Look(NamedTuple):
    """At one moment: how much of the recording is heard in percent, and the memory of web and worker in MB."""

    done: int
    web: float
    worker: float


def memory(pid: int) -> float:
    """Of a process and its children, resident, in MB."""
    process = psutil.Process(pid)
    return float(sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))) / 1e6


def worker(stack: Stack) -> int | None:
    """The model's worker, when there is one."""
    store = stores.connect(stack.settings)
    found = Presence(store).workers(MODEL)
    store.redis.close()
    return found[0].pid if found else None


def looks(stack: Stack, http: httpx.Client, job: str) -> Iterator[Look]:
    """Until the job has ended."""
    while (shown := http.get(f"/v1/jobs/{job}").json())["status"] not in ENDED:
        pid = worker(stack)
        with suppress(psutil.NoSuchProcess):  # it was killed in between
            yield Look(shown["progress"], memory(stack.web.pid), memory(pid) if pid else 0.0)
        time.sleep(LOOK)
    print(f"{shown['status']} at attempt {shown['attempts']}")


def resumed(stack: Stack, job: str) -> Mapping[str, float]:
    """The last progress before the second start, and the first one after it."""
    store = stores.connect(stack.settings)
    every = [events.decode(fields[b"e"]) for _, fields in store.redis.xrange(store.keys.events(job))]
    store.redis.close()
    again = max(at for at, event in enumerate(every) if isinstance(event, Started))
    before = [event.done for event in every[:again] if isinstance(event, Progress)]
    after = [event.done for event in every[again:] if isinstance(event, Progress)]
    return {"before": before[-1], "after": after[0]}


def main(minutes: str = str(MINUTES)) -> None:
    """Print a line for every tenth of the recording, and the highest."""
    model = {"model_path": str(starter.folder(MODEL)), "served_model_name": MODEL, "model_type": "whisper"}
    with tempfile.TemporaryDirectory() as folder, served([model]) as stack:
        path = Path(folder) / "long.ogg"
        speech(path, float(minutes))
        with httpx.Client(base_url=stack.url, timeout=600) as http:
            pid = worker(stack)
            assert pid is not None
            size = path.stat().st_size / 1e6
            print(f"{size:.0f} MB; before: web {memory(stack.web.pid):.0f}, worker {memory(pid):.0f}", flush=True)
            highest = heard(stack, http, path)
            print(f"highest: web {highest.web:.0f}, worker {highest.worker:.0f}")


def heard(stack: Stack, http: httpx.Client, path: Path) -> Look:
    """Have a recording transcribed, with the worker killed half way; returns the highest of each memory."""
    with path.open("rb") as file:
        files, data = {"file": (path.name, file)}, {"model": MODEL}
        sent = http.post("/v1/audio/transcriptions", data=data, files=files, headers={"Prefer": "respond-async"})
    job, began = sent.raise_for_status().json()["id"], time.monotonic()
    killed, tenth, highest = False, 0, Look(0, 0, 0)
    for look in looks(stack, http, job):
        highest = Look(look.done, max(highest.web, look.web), max(highest.worker, look.worker))
        if look.done >= 10 * tenth:
            took = time.monotonic() - began
            print(f"{look.done} % after {took:.0f} s: web {look.web:.0f}, worker {look.worker:.0f}", flush=True)
            tenth = look.done // 10 + 1
        if look.done >= 50 and not killed and (pid := worker(stack)):
            killed = True
            os.kill(pid, signal.SIGKILL)
    print("the second worker went on, in hundredths of a second:", resumed(stack, job))
    return highest


if __name__ == "__main__":
    main(*sys.argv[1:])

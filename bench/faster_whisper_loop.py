"""`python faster_whisper_loop.py MODEL THREADS LONG CLIP...`: faster-whisper on the same recordings, as JSON.

It runs in an environment of its own (`bench/peers/faster-whisper.txt`), so it imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
import time

from faster_whisper import BatchedInferencePipeline, WhisperModel

WINDOWS = 8  # as many as ours hears at a time


def main() -> None:
    """Loads the model, hears one recording to warm up, then times all of them, one after the other."""
    folder, threads, long, *clips = sys.argv[1:]
    model = WhisperModel(folder, device="cpu", compute_type="float32", cpu_threads=int(threads))
    batched = BatchedInferencePipeline(model)

    def heard(path: str, batch: bool) -> str:
        if batch:
            segments, _ = batched.transcribe(path, language="en", batch_size=WINDOWS)
        else:
            segments, _ = model.transcribe(path, language="en", beam_size=1, best_of=1)
        return "".join(segment.text for segment in segments)

    heard(clips[0], batch=False)
    found = {}
    for name, paths, batch in (("long", [long], True), ("clips", clips, False)):
        began, used = time.monotonic(), time.process_time()
        texts = [heard(path, batch) for path in paths]
        took, cpu = time.monotonic() - began, time.process_time() - used
        found[name] = {"seconds": took, "cpu": cpu, "texts": texts}
    print(json.dumps(found))


main()

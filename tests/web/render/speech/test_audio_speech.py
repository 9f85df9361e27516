"""Speech as bytes, as events and in a batch's line."""

from __future__ import annotations

import base64
import io
import json
import struct
import wave
from typing import Any

import pytest

from tasks.values import events, results
from tasks.values.blob_ref import BlobRef
from tasks.values.events import AudioChunk, Event
from tasks.values.job import Job
from tasks.values.requests import SpeechFormat, SpeechRequest
from tests.workers.engines import rows
from web.render.speech import audio_speech

HEAD = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16) + b"data\xff\xff\xff\xff"
PARTS = [HEAD + b"\1\2", b"\3\4\5\6"]
CHUNKS = [AudioChunk(number, BlobRef(str(number), len(part), "audio/wav"), 0.25) for number, part in enumerate(PARTS)]
DONE = events.Done(events.Usage(6, 25, seconds=0.5))
USAGE = {"input_tokens": 6, "output_tokens": 25, "total_tokens": 31}


def job(format_: SpeechFormat = "wav") -> Job:
    return rows.job(SpeechRequest(text="Hello.", seed=1, format=format_))


def read(ref: BlobRef) -> bytes:
    return PARTS[int(ref.sha256)]


def result() -> results.Result:
    told: list[Event] = [events.Started(1), CHUNKS[0], events.Started(2), *CHUNKS, DONE]
    return results.fold(job().payload, told)


def test_a_whole_wav_says_how_long_it_is() -> None:
    rendered = audio_speech.body(job(), result(), read)
    assert rendered.content_type == "audio/wav" and len(rendered.data) == 50
    with wave.open(io.BytesIO(rendered.data)) as file:
        assert file.getnframes() == 3 and file.readframes(3) == b"\1\2\3\4\5\6"


@pytest.mark.parametrize("format_", ["mp3", "flac", "opus", "aac", "pcm"])
def test_other_bytes_are_as_they_were_made(format_: Any) -> None:
    rendered = audio_speech.body(job(format_), result(), read)
    assert rendered.data == b"".join(PARTS) and rendered.content_type == audio_speech.TYPES[format_]


def test_a_line_holds_it_in_base64() -> None:
    rendered = audio_speech.line(job(), result(), read)
    whole = base64.b64encode(audio_speech.body(job(), result(), read).data).decode()
    assert rendered.content_type == "application/json"
    assert json.loads(rendered.data) == {"audio": whole, "content_type": "audio/wav", "seconds": 0.5, "usage": USAGE}


def test_events_hold_each_chunk_once() -> None:
    chunks = audio_speech.Chunks(job(), read)
    told: list[Event] = [events.Started(1), CHUNKS[0], events.Started(2), events.Progress(1, 2), *CHUNKS, DONE]
    shown = [one for event in told for one in chunks(event)]
    deltas = [{"type": "speech.audio.delta", "audio": base64.b64encode(part).decode()} for part in PARTS]
    assert shown == [*deltas, {"type": "speech.audio.done", "usage": USAGE}]

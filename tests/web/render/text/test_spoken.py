"""An answer that is spoken, in a body and in a stream that agree."""

from __future__ import annotations

import base64
import struct
from typing import Any

import msgspec
import pytest
from openai.types.chat import ChatCompletion

from tasks.values import events, results
from tasks.values.blob_ref import BlobRef
from tasks.values.events import AudioChunk, CallDelta, Delta, Event
from tasks.values.job import Job
from tasks.values.requests import AudioOutput, SpeechFormat
from tests.web.render import told
from tests.workers.engines.rows import chat
from web.render.text import chat as render
from web.render.text import spoken

HEADER = b"RIFF" + b"\xff" * 4 + b"WAVE" + b"\0" * 28 + b"\xff" * 4  # of a WAV that is not written yet
BYTES = {"a": HEADER + b"\1\2", "b": b"\3\4"}
USAGE = events.Usage(3, 9, audio_tokens=5)
SPOKEN: tuple[Event, ...] = (
    events.Started(1, 3),
    Delta("Hel"),
    Delta("lo."),
    AudioChunk(0, BlobRef("a", 46, "audio/wav"), 0.5),
    AudioChunk(1, BlobRef("b", 2, "audio/wav"), 0.5),
    Delta("", finish_reason="stop"),
    events.Done(USAGE),
)
SILENT: tuple[Event, ...] = (
    events.Started(1, 3),
    Delta("", calls=(CallDelta(0, "call_0", "look"), CallDelta(0, arguments="{}"))),
    Delta("", finish_reason="tool_calls"),
    events.Done(),
)


def job(format_: SpeechFormat = "wav") -> Job:
    return msgspec.structs.replace(chat("hi", audio=AudioOutput(format_, 0)), keep=60)


def read(ref: BlobRef) -> bytes:
    return BYTES[ref.sha256]


def body(of: Job, heard: tuple[Event, ...]) -> dict[str, Any]:
    result, audio = results.fold(of.payload, heard), spoken.asked(of)
    assert isinstance(result, results.TextResult) and audio is not None
    return spoken.answer(of, audio, result, render.answer(of, result), read)


def deltas(of: Job, heard: tuple[Event, ...]) -> list[dict[str, Any]]:
    chunks = told.chunks(spoken.Chunks(of, render.chunks(of), read), list(heard))
    return [choice["delta"] for chunk in chunks for choice in chunk["choices"]]


def test_a_body_holds_the_audio_and_what_is_said_in_it() -> None:
    of = job()
    message = ChatCompletion.model_validate(body(of, SPOKEN)).choices[0].message
    assert message.content is None and message.audio is not None
    assert (message.audio.id, message.audio.transcript) == (f"audio_{of.id.removeprefix('job_')}", "Hello.")
    assert message.audio.expires_at == of.created // 1000 + 60


def test_a_wav_says_how_long_it_is_as_a_whole() -> None:
    data = base64.b64decode(body(job(), SPOKEN)["choices"][0]["message"]["audio"]["data"])
    assert data[40:44] == struct.pack("<I", 4) and data[44:] == b"\1\2\3\4"


def test_usage_tells_the_tokens_of_the_audio() -> None:
    assert body(job(), SPOKEN)["usage"]["completion_tokens_details"] == {"reasoning_tokens": 0, "audio_tokens": 5}


def test_a_stream_tells_the_transcript_then_the_audio_then_its_end() -> None:
    of = job("pcm")
    first, *rest = deltas(of, SPOKEN)
    assert first == {"role": "assistant", "content": None}
    sounds = [delta["audio"] for delta in rest[:-1]]
    assert rest[-1] == {}
    assert [sorted(sound) for sound in sounds] == [
        ["id", "transcript"], ["transcript"], ["data"], ["data"], ["expires_at"],
    ]  # fmt: skip
    whole = body(of, SPOKEN)["choices"][0]["message"]["audio"]
    assert (sounds[0]["id"], sounds[-1]["expires_at"]) == (whole["id"], whole["expires_at"])
    assert "".join(sound.get("transcript", "") for sound in sounds) == whole["transcript"]
    assert base64.b64decode("".join(sound.get("data", "") for sound in sounds)) == HEADER + b"\1\2\3\4"
    assert len(base64.b64decode(whole["data"])) == len(HEADER) + 4


@pytest.mark.parametrize("silent", [SILENT, (SPOKEN[0], *SILENT[2:])])
def test_an_answer_that_says_nothing_has_no_audio(silent: tuple[Event, ...]) -> None:
    message = body(job(), silent)["choices"][0]["message"]
    assert "audio" not in message
    assert not any("audio" in delta for delta in deltas(job(), silent))


def test_a_result_owns_its_audio() -> None:
    result = results.fold(job().payload, SPOKEN)
    assert [ref.sha256 for ref in results.blobs(result)] == ["a", "b"]
    assert results.decode(results.encode(result)) == result

"""Speech as bytes, as events, and as the JSON of a batch's line."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tasks.values import events, results
from tasks.values.blob_ref import BlobRef
from tasks.values.events import AudioChunk, Event
from tasks.values.job import Job
from tasks.values.requests import SpeechFormat, SpeechRequest
from web.endpoint import Rendered

TYPES: Mapping[SpeechFormat, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_HEADER = 44  # bytes of a WAV before its samples


def body(job: Job, result: results.Result, read: Callable[[BlobRef], bytes]) -> Rendered:
    """The whole audio; `read` gets the bytes of a blob."""
    assert isinstance(result, results.SpeechResult)  # noqa: S101  (a speech request's events fold to nothing else)
    return Rendered(joined(result.chunks, _asked(job).format, read), TYPES[_asked(job).format])


def joined(chunks: Iterable[AudioChunk], format_: SpeechFormat, read: Callable[[BlobRef], bytes]) -> bytes:
    """The audio that is in chunks, as a whole."""
    audio = b"".join(read(chunk.blob) for chunk in chunks)
    return _sized(audio) if audio and format_ == "wav" else audio


def line(job: Job, result: results.Result, read: Callable[[BlobRef], bytes]) -> Rendered:
    """The whole audio in base64, with what it is, how long it lasts and what it cost."""
    assert isinstance(result, results.SpeechResult)  # noqa: S101  (a speech request's events fold to nothing else)
    rendered = body(job, result, read)
    shown = {
        "audio": base64.b64encode(rendered.data).decode(),
        "content_type": rendered.content_type,
        "seconds": round(sum(chunk.seconds for chunk in result.chunks), 3),
        "usage": _usage(result.usage),
    }
    return Rendered(msgspec.json.encode(shown))


def _sized(wav: bytes) -> bytes:
    """A WAV whose header says how long it is, which was not known when it was written."""
    riff, data = struct.pack("<I", len(wav) - 8), struct.pack("<I", len(wav) - _HEADER)
    return wav[:4] + riff + wav[8 : _HEADER - 4] + data + wav[_HEADER:]


class Audio:
    """Turns a job's events into bytes of audio; a chunk that a later attempt makes again is written once."""

    def __init__(self, job: Job, read: Callable[[BlobRef], bytes]) -> None:
        self.content_type = TYPES[_asked(job).format]
        self._read, self._written = read, 0

    def of(self, several: Sequence[Event]) -> bytes:
        """The audio that events tell of."""
        return b"".join(map(self.bytes, several))

    def bytes(self, event: Event) -> bytes:
        """The audio that an event tells of, if any that is new."""
        if not isinstance(event, AudioChunk) or event.number < self._written:
            return b""
        self._written = event.number + 1
        return self._read(event.blob)


class Chunks:
    """Turns the events of one job into those of OpenAI's streams."""

    def __init__(self, job: Job, read: Callable[[BlobRef], bytes]) -> None:
        self._audio = Audio(job, read)

    def __call__(self, event: Event) -> Iterator[object]:
        if audio := self._audio.bytes(event):
            yield {"type": "speech.audio.delta", "audio": base64.b64encode(audio).decode()}
        elif isinstance(event, events.Done):
            yield {"type": "speech.audio.done", "usage": _usage(event.usage)}


def _usage(usage: events.Usage) -> dict[str, Any]:
    read, spoken_tokens = usage.prompt_tokens, usage.completion_tokens
    return {"input_tokens": read, "output_tokens": spoken_tokens, "total_tokens": read + spoken_tokens}


def _asked(job: Job) -> SpeechRequest:
    assert isinstance(job.payload, SpeechRequest)  # noqa: S101  (only such jobs are rendered here)
    return job.payload

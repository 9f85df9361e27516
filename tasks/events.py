"""What happens to a job, as a closed union of frozen values; the last event is terminal, exactly once."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from tasks.errors import Failure

VERSION = 1
READABLE = frozenset({1})

FinishReason: TypeAlias = Literal["stop", "length"]


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a job consumed: tokens, and seconds of audio where there was any."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    seconds: float = 0.0


class Started(msgspec.Struct, frozen=True, omit_defaults=True, tag="started"):
    """The engine has checked the request and runs it; a later attempt's Started begins the answer anew."""

    attempt: int
    prompt_tokens: int = 0


class Progress(msgspec.Struct, frozen=True, omit_defaults=True, tag="progress"):
    """How much is done, in the kind's own unit (prompt tokens, inputs, frames of audio)."""

    done: int
    total: int


class Delta(msgspec.Struct, frozen=True, omit_defaults=True, tag="delta"):
    """More text of choice `index`, whole characters only; its last delta says why it ended."""

    text: str
    index: int = 0
    finish_reason: FinishReason | None = None


class Vector(msgspec.Struct, frozen=True, tag="vector"):
    """The embedding of input `index`: float32, little endian, base64. It goes into the result, not into the stream."""

    index: int
    data: str


class Segment(msgspec.Struct, frozen=True, omit_defaults=True, tag="segment"):
    """A stretch of transcribed speech, from `start` to `end` in seconds."""

    start: float
    end: float
    text: str


class Recording(msgspec.Struct, frozen=True, omit_defaults=True, tag="recording"):
    """What is known of a recording before its words: length in seconds and language (ISO 639-1)."""

    seconds: float
    language: str | None = None


class Done(msgspec.Struct, frozen=True, omit_defaults=True, tag="done"):
    """The job succeeded."""

    usage: Usage = Usage()


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The job ended in an error."""

    failure: Failure


class Cancelled(msgspec.Struct, frozen=True, omit_defaults=True, tag="cancelled"):
    """The job was cancelled, by request or because its client went away."""

    reason: str = "requested"


class Expired(msgspec.Struct, frozen=True, tag="expired"):
    """The job's deadline passed first."""


Terminal: TypeAlias = Done | Failed | Cancelled | Expired
Event: TypeAlias = Started | Progress | Delta | Vector | Segment | Recording | Done | Failed | Cancelled | Expired

UNSUCCESSFUL = (Failed, Cancelled, Expired)
TERMINAL = (Done, *UNSUCCESSFUL)


class _Envelope(msgspec.Struct, frozen=True):
    v: int
    e: Event


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Envelope)


def encode(event: Event) -> bytes:
    """An event as the bytes that stand in its stream."""
    return _encoder.encode(_Envelope(VERSION, event))


def decode(data: bytes) -> Event:
    """The event in these bytes; ValueError for a version that this code does not read."""
    envelope = _decoder.decode(data)
    if envelope.v not in READABLE:
        raise ValueError(f"event of version {envelope.v}; this mlxq reads {sorted(READABLE)}")
    return envelope.e

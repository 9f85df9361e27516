"""What a job asks of an engine: neutral frozen values, the same whatever HTTP body they came from."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec


class BlobRef(msgspec.Struct, frozen=True):
    """Bytes kept beside Redis, named by their content: hex sha256, size in bytes, media type."""

    sha256: str
    size: int
    type: str


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One turn of a conversation, its text parts already joined."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    name: str | None = None


class ChatRequest(msgspec.Struct, frozen=True, omit_defaults=True, tag="chat"):
    """Continue a conversation; a value of None leaves the choice to the model's defaults."""

    messages: tuple[Message, ...]
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()


class EmbeddingRequest(msgspec.Struct, frozen=True, omit_defaults=True, tag="embedding"):
    """Embed every input, a text or its token ids; `dimensions` cuts the vectors and normalises them again."""

    inputs: tuple[str | tuple[int, ...], ...]
    dimensions: int | None = None


class TranscriptionRequest(msgspec.Struct, frozen=True, omit_defaults=True, tag="transcription"):
    """Write down the speech in a recording of any container that ffmpeg's libraries read."""

    audio: BlobRef
    language: str | None = None
    prompt: str | None = None
    temperature: float | None = None


Payload: TypeAlias = ChatRequest | EmbeddingRequest | TranscriptionRequest


def blobs(payload: Payload) -> tuple[BlobRef, ...]:
    """The blobs that a payload needs, so that its record can own them."""
    return (payload.audio,) if isinstance(payload, TranscriptionRequest) else ()

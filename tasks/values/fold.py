"""From a job's events to its result: what a client that was not listening gets afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import msgspec

from tasks.values.events import (
    CallDelta,
    Delta,
    Done,
    Event,
    FinishReason,
    Picture,
    Recording,
    Score,
    Segment,
    Started,
    TokenLogprob,
    Tokens,
    Usage,
    Vector,
)
from tasks.values.requests import (
    BlobRef,
    DetokenizeRequest,
    EmbeddingRequest,
    ImageRequest,
    Payload,
    RenderRequest,
    Sampling,
    ScoreRequest,
    TokenizeRequest,
    ToolCall,
)


class Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer, with its tokens' log probabilities where they were asked for, its thinking and its tool calls."""

    text: str
    finish_reason: FinishReason = "stop"
    logprobs: tuple[TokenLogprob, ...] = ()
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()


class TextResult(msgspec.Struct, frozen=True, omit_defaults=True, tag="text"):
    """The answers of a chat or to a completion's prompts, by index."""

    choices: tuple[Choice, ...]
    usage: Usage = Usage()


class TokensResult(msgspec.Struct, frozen=True, tag="tokens"):
    """A text and its token ids."""

    text: str
    tokens: tuple[int, ...]


class VectorResult(msgspec.Struct, frozen=True, omit_defaults=True, tag="vectors"):
    """The embeddings of all inputs in their order: float32, little endian, base64."""

    vectors: tuple[str, ...]
    usage: Usage = Usage()


class ScoresResult(msgspec.Struct, frozen=True, omit_defaults=True, tag="scores"):
    """The scores of all documents in their order."""

    scores: tuple[float, ...]
    usage: Usage = Usage()


class TranscriptResult(msgspec.Struct, frozen=True, omit_defaults=True, tag="transcript"):
    """The words of a recording, its length in seconds and its language."""

    text: str
    segments: tuple[Segment, ...]
    seconds: float
    language: str | None = None
    usage: Usage = Usage()
    language_name: str | None = None


class PicturesResult(msgspec.Struct, frozen=True, omit_defaults=True, tag="pictures"):
    """The pictures of a prompt, by index."""

    pictures: tuple[Picture, ...]
    usage: Usage = Usage()


Result: TypeAlias = TextResult | TokensResult | VectorResult | ScoresResult | TranscriptResult | PicturesResult

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Result] = msgspec.json.Decoder(Result)


def encode(result: Result) -> bytes:
    """A result as it is stored."""
    return _encoder.encode(result)


def decode(data: bytes) -> Result:
    """The result in these bytes."""
    return _decoder.decode(data)


def blobs(result: Result) -> tuple[BlobRef, ...]:
    """The blobs that a result needs, so that its record can own them."""
    return tuple(picture.blob for picture in result.pictures) if isinstance(result, PicturesResult) else ()


def fold(payload: Payload, events: Iterable[Event]) -> Result:
    """The result that a job's events up to its Done add up to; ValueError when they hold no Done."""
    attempt: list[Event] = []
    for event in events:
        if isinstance(event, Started):
            attempt = []
        attempt.append(event)
    if not attempt or not isinstance(attempt[-1], Done):
        raise ValueError("only a job that is done has a result")
    usage = attempt[-1].usage
    if isinstance(payload, Sampling):
        return TextResult(_choices(attempt), usage)
    if isinstance(payload, (TokenizeRequest, DetokenizeRequest, RenderRequest)):
        found = next(event for event in attempt if isinstance(event, Tokens))
        return TokensResult(found.text, found.tokens)
    if isinstance(payload, EmbeddingRequest):
        vectors = sorted((event for event in attempt if isinstance(event, Vector)), key=lambda vector: vector.index)
        return VectorResult(tuple(vector.data for vector in vectors), usage)
    if isinstance(payload, ScoreRequest):
        scores = sorted((event for event in attempt if isinstance(event, Score)), key=lambda score: score.index)
        return ScoresResult(tuple(score.score for score in scores), usage)
    if isinstance(payload, ImageRequest):
        return PicturesResult(tuple(event for event in attempt if isinstance(event, Picture)), usage)
    segments = tuple(event for event in attempt if isinstance(event, Segment))
    recordings = [event for event in attempt if isinstance(event, Recording)]
    recording = recordings[-1] if recordings else Recording(usage.seconds)  # the last one knows its true length
    text = "".join(segment.text for segment in segments).strip()
    language, name = recording.language, recording.language_name
    return TranscriptResult(text, segments, recording.seconds, language, usage, language_name=name)


def _choices(events: list[Event]) -> tuple[Choice, ...]:
    told: dict[int, list[Delta]] = {0: []}
    for event in events:
        if isinstance(event, Delta):
            told.setdefault(event.index, []).append(event)
    return tuple(_choice(told[index]) for index in sorted(told))


def _choice(deltas: list[Delta]) -> Choice:
    reasons = [delta.finish_reason for delta in deltas if delta.finish_reason is not None]
    calls: dict[int, list[CallDelta]] = {}
    for call in (call for delta in deltas for call in delta.calls):
        calls.setdefault(call.number, []).append(call)
    return Choice(
        "".join(delta.text for delta in deltas),
        reasons[-1] if reasons else "stop",
        tuple(logprob for delta in deltas for logprob in delta.logprobs),
        "".join(delta.reasoning for delta in deltas),
        tuple(_call(calls[number]) for number in sorted(calls)),
    )


def _call(pieces: list[CallDelta]) -> ToolCall:
    return ToolCall(
        "".join(piece.id for piece in pieces),
        "".join(piece.name for piece in pieces),
        "".join(piece.arguments for piece in pieces),
    )

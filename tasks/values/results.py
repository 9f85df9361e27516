"""From a job's events to its result: what a client that was not listening gets afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias, get_args

import msgspec

from tasks.values.blob_ref import BlobRef
from tasks.values.events import (
    AudioChunk,
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
from tasks.values.messages import ToolCall
from tasks.values.requests import (
    ChatRequest,
    DetokenizeRequest,
    EmbeddingRequest,
    ImageRequest,
    Payload,
    RenderRequest,
    Sampling,
    ScoreRequest,
    SpeechRequest,
    TokenizeRequest,
)

PartKind: TypeAlias = Literal["reasoning", "text", "calls"]
KINDS: tuple[PartKind, ...] = get_args(PartKind)  # in the order in which one delta, and most answers, hold them


class Part(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of an answer: a number of characters of its thinking or its text, or of its calls."""

    kind: PartKind
    count: int


class Cut(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a delta held: characters of text and of thinking, log probabilities, and pieces of calls.

    Of a piece these are its call's number, and the characters of its id, name and arguments.
    """

    text: int = 0
    reasoning: int = 0
    logprobs: int = 0
    calls: tuple[tuple[int, int, int, int], ...] = ()


class Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer, with its tokens' log probabilities where they were asked for, its thinking and its tool calls.

    `cuts` are the deltas that it was told in, where they are to be told again: characters of text, or as a negative
    number of thinking, or what else they held. `stop` is the stop string that ended it, if one did. `parts` are the
    stretches that it came in, where that was not thinking, text and then calls; `pieces` are what they hold.
    """

    text: str
    finish_reason: FinishReason = "stop"
    logprobs: tuple[TokenLogprob, ...] = ()
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()
    cuts: tuple[int | Cut, ...] = ()
    stop: str | None = None
    parts: tuple[Part, ...] = ()

    def pieces(self) -> Iterator[Thinking | Text | ToolCall]:
        """What the answer is made of, in the order in which it came."""
        usual = (Part("reasoning", len(self.reasoning)), Part("text", len(self.text)), Part("calls", len(self.calls)))
        thought = written = called = 0
        for kind, count in map(msgspec.structs.astuple, self.parts or usual):
            if kind == "calls":
                yield from self.calls[called : called + count]
                called += count
            elif kind == "text" and count:
                yield Text(self.text[written : written + count])
                written += count
            elif count:
                yield Thinking(self.reasoning[thought : thought + count])
                thought += count


class Thinking(NamedTuple):
    """A stretch of what was thought."""

    text: str


class Text(NamedTuple):
    """A stretch of what was said."""

    text: str


class TextResult(msgspec.Struct, frozen=True, omit_defaults=True, tag="text"):
    """The answers of a chat or to a completion's prompts, by index; `audio` is the only answer's, spoken."""

    choices: tuple[Choice, ...]
    usage: Usage = Usage()
    audio: tuple[AudioChunk, ...] = ()


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


class SpeechResult(msgspec.Struct, frozen=True, omit_defaults=True, tag="speech"):
    """A speech, whose audio is that of all chunks one behind the other."""

    chunks: tuple[AudioChunk, ...]
    usage: Usage = Usage()


class PicturesResult(msgspec.Struct, frozen=True, omit_defaults=True, tag="pictures"):
    """The images of a prompt, by index."""

    pictures: tuple[Picture, ...]
    usage: Usage = Usage()


Result: TypeAlias = (
    TextResult | TokensResult | VectorResult | ScoresResult | TranscriptResult | SpeechResult | PicturesResult
)

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
    if isinstance(result, SpeechResult):
        return tuple(chunk.blob for chunk in result.chunks)
    if isinstance(result, TextResult):
        return tuple(chunk.blob for chunk in result.audio)
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
        return TextResult(_choices(attempt, replay=replayed(payload)), usage, _audio(attempt))
    if isinstance(payload, (TokenizeRequest, DetokenizeRequest, RenderRequest)):
        tokens = next(event for event in attempt if isinstance(event, Tokens))
        return TokensResult(tokens.text, tokens.tokens)
    if isinstance(payload, EmbeddingRequest):
        vectors = sorted((event for event in attempt if isinstance(event, Vector)), key=lambda vector: vector.index)
        return VectorResult(tuple(vector.data for vector in vectors), usage)
    if isinstance(payload, ScoreRequest):
        scores = sorted((event for event in attempt if isinstance(event, Score)), key=lambda score: score.index)
        return ScoresResult(tuple(score.score for score in scores), usage)
    if isinstance(payload, SpeechRequest):
        return SpeechResult(_audio(attempt), usage)
    if isinstance(payload, ImageRequest):
        return PicturesResult(tuple(event for event in attempt if isinstance(event, Picture)), usage)
    segments = tuple(event for event in attempt if isinstance(event, Segment))
    recordings = [event for event in attempt if isinstance(event, Recording)]
    recording = recordings[-1] if recordings else Recording(usage.seconds)  # the last one knows its true length
    text = "".join(segment.text for segment in segments).strip()
    language, name = recording.language, recording.language_name
    return TranscriptResult(text, segments, recording.seconds, language, usage, language_name=name)


def _audio(events: Iterable[Event]) -> tuple[AudioChunk, ...]:
    return tuple(event for event in events if isinstance(event, AudioChunk))


def replayed(payload: Payload) -> bool:
    """Whether what comes of a request is to be told again as it was told."""
    return isinstance(payload, ChatRequest) and payload.replay


def _choices(events: list[Event], *, replay: bool) -> tuple[Choice, ...]:
    deltas: dict[int, list[Delta]] = {0: []}
    for event in events:
        if isinstance(event, Delta):
            deltas.setdefault(event.index, []).append(event)
    return tuple(_choice(deltas[index], replay=replay) for index in sorted(deltas))


def _choice(deltas: list[Delta], *, replay: bool) -> Choice:
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
        tuple(map(_cut, deltas)) if replay else (),
        next((delta.stop for delta in deltas if delta.stop), None),
        _parts(deltas),
    )


def _parts(deltas: Sequence[Delta]) -> tuple[Part, ...]:
    """The stretches that an answer came in; none where they came in the usual order."""
    parts: list[Part] = []
    begun: set[int] = set()
    for delta in deltas:
        calls = {call.number for call in delta.calls} - begun
        begun |= calls
        counts = {"reasoning": len(delta.reasoning), "text": len(delta.text), "calls": len(calls)}
        for kind in (kind for kind in KINDS if counts[kind]):
            before = parts.pop().count if parts and parts[-1].kind == kind else 0
            parts.append(Part(kind, before + counts[kind]))
    kinds = [part.kind for part in parts]
    return () if kinds == [kind for kind in KINDS if kind in kinds] else tuple(parts)


def _call(pieces: list[CallDelta]) -> ToolCall:
    return ToolCall(
        "".join(piece.id for piece in pieces),
        "".join(piece.name for piece in pieces),
        "".join(piece.arguments for piece in pieces),
    )


def _cut(delta: Delta) -> int | Cut:
    if delta.calls or delta.logprobs or (delta.text and delta.reasoning):
        calls = tuple((call.number, len(call.id), len(call.name), len(call.arguments)) for call in delta.calls)
        return Cut(len(delta.text), len(delta.reasoning), len(delta.logprobs), calls)
    return len(delta.text) or -len(delta.reasoning)

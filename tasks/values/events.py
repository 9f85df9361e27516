"""What happens to a job, as a closed union of frozen values; the last event is terminal, exactly once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from tasks.values.blob_ref import BlobRef
from tasks.values.errors import Failure

VERSION = 3
READABLE = frozenset({1, 2, 3})

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls"]


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a job consumed: tokens, and seconds of audio where there was any.

    `reasoning_tokens` are those of the completion that were spent on thinking, `audio_tokens` those that were spoken.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    seconds: float = 0.0
    reasoning_tokens: int = 0
    audio_tokens: int = 0


class Started(msgspec.Struct, frozen=True, omit_defaults=True, tag="started"):
    """The engine has checked the request and runs it; a later attempt's Started begins the answer anew."""

    attempt: int
    prompt_tokens: int = 0


class Progress(msgspec.Struct, frozen=True, omit_defaults=True, tag="progress"):
    """How much is done, in the kind's own unit (prompt tokens, inputs, frames of audio, denoising steps)."""

    done: int
    total: int


class TokenLogprob(msgspec.Struct, frozen=True, omit_defaults=True):
    """A token, its bytes in base64 (one of several tokens of a character has no text), and its natural log probability.

    Probabilities are the model's own, before penalties, bias and temperature. `offset` is where the token begins in
    its choice's text, in characters; `top` holds the likeliest alternatives, likeliest first. A prompt's first token
    has no probability.
    """

    token: str
    bytes: str
    logprob: float | None
    offset: int = 0
    top: tuple[TokenLogprob, ...] = ()


class CallDelta(msgspec.Struct, frozen=True, omit_defaults=True):
    """More of tool call `number` of an answer: first its id and name, then its arguments, pieces of a JSON text."""

    number: int
    id: str = ""
    name: str = ""
    arguments: str = ""


class Delta(msgspec.Struct, frozen=True, omit_defaults=True, tag="delta"):
    """More text of choice `index`, whole characters only; its last delta says why it ended.

    `logprobs` are those of the tokens whose text ends in this delta, where the request wants them; `reasoning` is
    thinking, which is not part of the answer, and `calls` are the tools that it asks for. `tokens` are how many of them
    it is made of, where the request wants them counted; `stop` is the stop string that ended it, if one did.
    """

    text: str
    index: int = 0
    finish_reason: FinishReason | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    reasoning: str = ""
    calls: tuple[CallDelta, ...] = ()
    tokens: int = 0
    stop: str | None = None


class Tokens(msgspec.Struct, frozen=True, tag="tokens"):
    """A text and its token ids. They go into the result, not into the stream."""

    text: str
    tokens: tuple[int, ...]


class Vector(msgspec.Struct, frozen=True, tag="vector"):
    """The embedding of input `index`: float32, little endian, base64. It goes into the result, not into the stream."""

    index: int
    data: str


class Score(msgspec.Struct, frozen=True, tag="score"):
    """How well document `index` answers its query. It goes into the result, not into the stream."""

    index: int
    score: float


class Word(msgspec.Struct, frozen=True):
    """A word, with the blank before it, and when it is said, in seconds; its probability is that of its tokens."""

    word: str
    start: float
    end: float
    probability: float


class Segment(msgspec.Struct, frozen=True, omit_defaults=True, tag="segment"):
    """A stretch of transcribed speech, from `start` to `end` in seconds, with what Whisper says of it.

    `seek` is where its window begins, in frames of 10 ms; `tokens` hold its timestamps too. The numbers are those of
    the window: the temperature at which it was understood, a token's mean log probability, how often the text repeats
    itself, and the probability that nobody speaks. `words` and `logprobs` are there where they were asked for.
    """

    start: float
    end: float
    text: str
    seek: int = 0
    tokens: tuple[int, ...] = ()
    temperature: float = 0.0
    avg_logprob: float = 0.0
    compression_ratio: float = 0.0
    no_speech_prob: float = 0.0
    words: tuple[Word, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()


class Recording(msgspec.Struct, frozen=True, omit_defaults=True, tag="recording"):
    """What is known of a recording: length in seconds, and the language that is spoken, by ISO 639-1 and by name.

    It comes before the words, and again with the true length where the file did not say it.
    """

    seconds: float
    language: str | None = None
    language_name: str | None = None


class AudioChunk(msgspec.Struct, frozen=True, tag="audio_chunk"):
    """Chunk `number` of a speech: its bytes, which continue those of the chunk before, and how many seconds it lasts.

    A later attempt makes the same chunks again.
    """

    number: int
    blob: BlobRef
    seconds: float


class Preview(msgspec.Struct, frozen=True, tag="preview"):
    """How image `index` looks so far: the `number`-th of its previews from 0, a small JPEG in base64."""

    index: int
    number: int
    data: str


class Picture(msgspec.Struct, frozen=True, tag="picture"):
    """Image `index` is made: its bytes, its size in pixels, and the seed and the steps that make it again."""

    index: int
    blob: BlobRef
    width: int
    height: int
    seed: int
    steps: int


class Done(msgspec.Struct, frozen=True, omit_defaults=True, tag="done"):
    """The job succeeded; a response also says when, in milliseconds since the epoch."""

    usage: Usage = Usage()
    at: int = 0


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The job ended in an error."""

    failure: Failure


class Cancelled(msgspec.Struct, frozen=True, omit_defaults=True, tag="cancelled"):
    """The job was cancelled, by request or because its client went away."""

    reason: str = "requested"


class Expired(msgspec.Struct, frozen=True, tag="expired"):
    """The job's deadline passed first."""


Terminal: TypeAlias = Done | Failed | Cancelled | Expired
Event: TypeAlias = (
    Started
    | Progress
    | Delta
    | Tokens
    | Vector
    | Score
    | Segment
    | Recording
    | AudioChunk
    | Preview
    | Picture
    | Done
    | Failed
    | Cancelled
    | Expired
)


def joined(events: Iterable[Event]) -> list[Event]:
    """The same with as few deltas as tell it: those that came while nobody read are read as one."""
    merged: list[Event] = []
    last: dict[int, int] = {}  # where each choice's last delta stands
    for event in events:
        if isinstance(event, Delta):
            at = last.get(event.index)
            before = None if at is None else merged[at]
            if at is not None and isinstance(before, Delta) and _continues(before, event):
                merged[at] = Delta(
                    before.text + event.text,
                    event.index,
                    event.finish_reason,
                    before.logprobs + event.logprobs,
                    before.reasoning + event.reasoning,
                    tokens=before.tokens + event.tokens,
                    stop=event.stop,
                )
                continue
            last[event.index] = len(merged)
        else:
            last.clear()
        merged.append(event)
    return merged


def _continues(before: Delta, event: Delta) -> bool:
    """Whether both are of one kind, so that as one they are told in the same order."""
    return not (
        before.finish_reason is not None
        or before.calls
        or event.calls
        or (before.text and event.reasoning)
        or (before.reasoning and event.text)
    )


UNSUCCESSFUL = (Failed, Cancelled, Expired)
TERMINAL = (Done, *UNSUCCESSFUL)
UNSTREAMED = (Tokens, Vector, Score)  # too large for a stream; they stand in the result


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

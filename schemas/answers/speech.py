"""The answers of transcriptions and translations, whole and as streams."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from schemas.answers.base import Answer


class TranscriptTextUsageDuration(Answer, frozen=True):
    """Seconds of the recording."""

    type: Literal["duration"]
    seconds: float


class TranscriptTextUsageInputTokenDetails(Answer, frozen=True):
    """What was read: 50 tokens for a second of the recording, and those of prompt and hotwords."""

    audio_tokens: int
    text_tokens: int


class TranscriptTextUsageTokens(Answer, frozen=True):
    """Tokens that were read and written."""

    type: Literal["tokens"]
    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_token_details: TranscriptTextUsageInputTokenDetails


class TranscriptLogprob(Answer, frozen=True):
    """A token, its bytes, and its natural log probability; one of several tokens of a character has no text."""

    token: str
    bytes: list[int]
    logprob: float


class TranscriptLanguage(Answer, frozen=True):
    """A language that is spoken, by ISO 639-1."""

    code: str


class CreateTranscriptionResponseJson(Answer, frozen=True):
    """A recording's words."""

    text: str
    usage: TranscriptTextUsageDuration
    languages: list[TranscriptLanguage]
    logprobs: list[TranscriptLogprob] | UnsetType = UNSET


class TranscriptionSegment(Answer, frozen=True):
    """A stretch of speech, from `start` to `end` in seconds; `seek` is its window's beginning in frames of 10 ms."""

    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: list[int]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float


class TranscriptionWord(Answer, frozen=True):
    """A word, and when it is said, in seconds."""

    word: str
    start: float
    end: float


class CreateTranscriptionResponseVerboseJson(Answer, frozen=True):
    """A recording's words, with the times of segments and words where these were asked for."""

    task: Literal["transcribe", "translate"]
    language: str
    duration: float
    text: str
    usage: TranscriptTextUsageDuration
    segments: list[TranscriptionSegment] | UnsetType = UNSET
    words: list[TranscriptionWord] | UnsetType = UNSET


class CreateTranslationResponseJson(CreateTranscriptionResponseJson, frozen=True):
    """A recording's words in English; `languages` is what is spoken in it."""


class CreateTranslationResponseVerboseJson(CreateTranscriptionResponseVerboseJson, frozen=True):
    """A recording's words in English, with the times of segments."""


class TranscriptTextDeltaEvent(Answer, frozen=True):
    """More of the text: that of a segment."""

    type: Literal["transcript.text.delta"]
    delta: str
    logprobs: list[TranscriptLogprob] | UnsetType = UNSET


class TranscriptTextSegmentEvent(Answer, frozen=True):
    """A segment with its times, in streams of `verbose_json`; speakers are not told apart, so `speaker` is empty."""

    type: Literal["transcript.text.segment"]
    id: str
    start: float
    end: float
    text: str
    speaker: str
    words: list[TranscriptionWord] | UnsetType = UNSET


class TranscriptTextDoneEvent(Answer, frozen=True):
    """The whole text."""

    type: Literal["transcript.text.done"]
    text: str
    usage: TranscriptTextUsageTokens
    languages: list[TranscriptLanguage]
    logprobs: list[TranscriptLogprob] | UnsetType = UNSET

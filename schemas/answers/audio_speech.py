"""The answers of speech: events of a stream, and voices."""

from __future__ import annotations

from typing import Literal

from schemas.answers.base import Answer


class SpeechAudioDeltaEvent(Answer, frozen=True):
    """More of the audio, in base64."""

    type: Literal["speech.audio.delta"]
    audio: str


class SpeechUsage(Answer, frozen=True):
    """Characters of the text, and tokens of audio as the model counts them."""

    input_tokens: int
    output_tokens: int
    total_tokens: int


class SpeechAudioDoneEvent(Answer, frozen=True):
    """The audio is complete."""

    type: Literal["speech.audio.done"]
    usage: SpeechUsage


class Voice(Answer, frozen=True):
    """A voice, by the name that calls give it, and the model that speaks with it."""

    id: str
    object: Literal["audio.voice"]
    name: str
    model: str


class ListVoicesResponse(Answer, frozen=True):
    """The voices of all models that are loaded, or of one."""

    object: Literal["list"]
    data: list[Voice]

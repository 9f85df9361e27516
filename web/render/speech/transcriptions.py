"""A transcript as OpenAI's JSON, as text, as subtitles, and as the events of a stream."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from tasks.values import events, results
from tasks.values.events import Event, Segment, TokenLogprob, Word
from tasks.values.job import Job
from tasks.values.requests import TranscriptionRequest
from web.endpoint import Rendered
from web.render.speech import subtitles

_AUDIO_TOKENS = 50  # of a second: as many positions Whisper's encoder has


def body(job: Job, result: results.Result) -> Rendered:
    """The whole answer in the format that was asked for."""
    assert isinstance(result, results.TranscriptResult)  # noqa: S101  (a transcription's events fold to nothing else)
    match job.options.response_format:
        case "text":
            return Rendered(result.text.encode() + b"\n", "text/plain; charset=utf-8")
        case "srt":
            return Rendered(subtitles.srt(result.segments).encode(), "application/x-subrip; charset=utf-8")
        case "vtt":
            return Rendered(subtitles.vtt(result.segments).encode(), "text/vtt; charset=utf-8")
        case "verbose_json":
            return Rendered(msgspec.json.encode(_verbose(job, result)))
    shown = {"text": result.text, "usage": _duration(result), "languages": _languages(result.language)}
    if _asked(job).logprobs:
        shown["logprobs"] = _logprobs(token for segment in result.segments for token in segment.logprobs)
    return Rendered(msgspec.json.encode(shown))


def _verbose(job: Job, result: results.TranscriptResult) -> dict[str, Any]:
    english = _asked(job).task == "translate"
    shown: dict[str, Any] = {
        "task": _asked(job).task,
        "language": "english" if english else result.language_name or result.language or "",
        "duration": round(result.seconds, 3),
        "text": result.text,
        "usage": _duration(result),
    }
    if "segment" in job.options.granularities:
        shown["segments"] = [_segment(number, segment) for number, segment in enumerate(result.segments)]
    if "word" in job.options.granularities:
        shown["words"] = [_word(word) for segment in result.segments for word in segment.words]
    return shown


def _segment(number: int, segment: Segment) -> dict[str, Any]:
    return {
        "id": number,
        "seek": segment.seek,
        "start": round(segment.start, 2),
        "end": round(segment.end, 2),
        "text": segment.text,
        "tokens": segment.tokens,
        "temperature": segment.temperature,
        "avg_logprob": segment.avg_logprob,
        "compression_ratio": segment.compression_ratio,
        "no_speech_prob": segment.no_speech_prob,
    }


def _word(word: Word) -> dict[str, Any]:
    return {"word": word.word.strip(), "start": round(word.start, 2), "end": round(word.end, 2)}


def _duration(result: results.TranscriptResult) -> dict[str, Any]:
    return {"type": "duration", "seconds": round(result.seconds, 3)}


def _languages(code: str | None) -> list[dict[str, str]]:
    return [] if code is None else [{"code": code}]


def _logprobs(tokens: Iterable[TokenLogprob]) -> list[dict[str, Any]]:
    return [
        {"token": token.token, "bytes": list(base64.b64decode(token.bytes)), "logprob": token.logprob}
        for token in tokens
    ]


def _asked(job: Job) -> TranscriptionRequest:
    assert isinstance(job.payload, TranscriptionRequest)  # noqa: S101  (only such jobs are rendered here)
    return job.payload


class Chunks:
    """Turns the events of one job into those of OpenAI's streams.

    A later attempt tells again the segments that an earlier one told; they are shown once.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._segments: list[Segment] = []  # shown ones
        self._told = 0  # by this attempt
        self._text = ""
        self._language: str | None = None

    def __call__(self, event: Event) -> Iterator[object]:
        if isinstance(event, events.Started):
            self._told = 0
        elif isinstance(event, events.Recording):
            self._language = event.language
        elif isinstance(event, Segment):
            self._told += 1
            if self._told > len(self._segments):
                self._segments.append(event)
                yield from self._shown(event)
        elif isinstance(event, events.Done):
            yield self._done(event.usage)

    def _shown(self, segment: Segment) -> Iterator[object]:
        before, self._text = self._text.strip(), self._text + segment.text
        delta = {"type": "transcript.text.delta", "delta": self._text.strip()[len(before) :]}
        yield {**delta, **self._likelihoods([segment])}
        if self._job.options.response_format == "verbose_json":
            shown: dict[str, Any] = {
                "type": "transcript.text.segment",
                "id": f"seg_{len(self._segments) - 1}",
                "start": round(segment.start, 2),
                "end": round(segment.end, 2),
                "text": segment.text,
                "speaker": "",
            }
            if "word" in self._job.options.granularities:
                shown["words"] = [_word(word) for word in segment.words]
            yield shown

    def _done(self, usage: events.Usage) -> dict[str, Any]:
        audio = math.ceil(usage.seconds * _AUDIO_TOKENS)
        read = audio + usage.prompt_tokens
        return {
            "type": "transcript.text.done",
            "text": self._text.strip(),
            "usage": {
                "type": "tokens",
                "input_tokens": read,
                "output_tokens": usage.completion_tokens,
                "total_tokens": read + usage.completion_tokens,
                "input_token_details": {"audio_tokens": audio, "text_tokens": usage.prompt_tokens},
            },
            "languages": _languages(self._language),
            **self._likelihoods(self._segments),
        }

    def _likelihoods(self, segments: Iterable[Segment]) -> dict[str, Any]:
        if not _asked(self._job).logprobs:
            return {}
        return {"logprobs": _logprobs(token for segment in segments for token in segment.logprobs)}

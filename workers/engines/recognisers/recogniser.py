"""A model of mlx-audio that writes down speech: what it can be asked, and what it hears in one window."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks.values.errors import InvalidValue
from tasks.values.events import Segment, Word
from tasks.values.requests import TranscriptionRequest
from workers import blas
from workers.engines.recognisers.abilities import abilities
from workers.media import audio

blas.preload()

import mlx.core as mx  # noqa: E402 - after OpenBLAS
from mlx_whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE  # noqa: E402

_TOKENS = 448  # that a window of 30 seconds may take, as many as Whisper's
_FRAME = 100  # frames of a second
_REPEATED = re.compile(r"(?P<phrase>\S.{1,79}?)(?:(?:[\s,.!?]*)(?P=phrase)){4,}", re.DOTALL)
_LETTER = re.compile(r"[^\W\d_]")  # numbers rightly repeat their digits


class Recogniser:
    """One loaded model, whose `generate` says by its signature what it takes."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._takes = frozenset(inspect.signature(model.generate).parameters)
        self.can = abilities(self._takes)

    def arguments(self, request: TranscriptionRequest) -> Mapping[str, Any]:
        """What the model's `generate` is given for a request; InvalidValue names the field that it cannot honour."""
        for field, refused in (
            ("language", request.language is not None and self.can.language is None),
            ("task", request.task == "translate" and not self.can.translates),
            ("prompt", request.prompt and self.can.prompt is None),
            ("hotwords", request.hotwords and not self.can.hotwords),
            ("temperature", request.temperature and not self.can.temperature),
            ("timestamp_granularities", request.words and not self.can.times),
            ("include", request.logprobs),
            ("condition_on_previous_text", request.sequential),
        ):
            if refused:
                raise InvalidValue(f"this model cannot honour '{field}'; leave it out", param=field)
        arguments: dict[str, Any] = self._languages(request)
        if request.prompt and self.can.prompt is not None:
            arguments[self.can.prompt] = request.prompt
        if request.hotwords:
            arguments["hotwords"] = [word.strip() for word in request.hotwords.split(",")]
        if request.temperature:
            arguments["temperature"] = request.temperature
        if "max_tokens" in self._takes:
            arguments["max_tokens"] = _TOKENS
        if "dtype" in self._takes and not mx.metal.is_available():
            arguments["dtype"] = mx.float32
        return arguments

    def _languages(self, request: TranscriptionRequest) -> dict[str, Any]:
        translates = request.task == "translate"
        if request.language is None:
            if translates:
                raise InvalidValue("this model translates from the 'language' that the request names", param="language")
            return {}
        code, name = known(request.language)
        names = getattr(getattr(self._model, "config", None), "support_languages", None) or ()
        language = next((one for one in names if str(one).lower() == name), code)
        target = {"target_lang": "en" if translates else language} if self.can.translates else {}
        return {str(self.can.language): language, **target}

    def hear(self, samples: audio.Samples, arguments: Mapping[str, Any], seed: int) -> Any:
        """What mlx-audio's `generate` says of mono samples at 16 kHz."""
        mx.random.seed(seed)
        return self._model.generate(mx.array(samples), **arguments)


def known(language: str) -> tuple[str, str]:
    """A language by its code and by its name, whichever it is given by; what nobody knows stays as it is."""
    given = language.lower()
    code = TO_LANGUAGE_CODE.get(given, given)
    return code, LANGUAGES.get(code, given)


def language(result: Any) -> str | None:
    """The code of the language that a model heard, where it says so."""
    detected = getattr(result, "language", None)
    if isinstance(detected, (list, tuple)):  # of each part of the window
        detected = next(iter(detected), None)
    return known(detected)[0] if isinstance(detected, str) and detected.lower() not in ("", "auto", "unknown") else None


def segments(result: Any, start: int, end: int) -> Iterator[Segment]:
    """What was said in a window of these frames; what a model does not time lasts the whole window."""
    first, last = start / _FRAME, end / _FRAME
    sentences = getattr(result, "sentences", None)
    if sentences is not None:
        for sentence in sentences:
            if text := once(sentence.text):
                words = tuple(_words(sentence.tokens, first, last))
                yield Segment(
                    _in(sentence.start, first, last), _in(sentence.end, first, last), text, start, words=words
                )
        return
    timed = [one for one in getattr(result, "segments", None) or () if _timed(one, last - first)]
    if timed:
        for one in timed:
            if text := once(str(one["text"])):
                yield Segment(_in(one["start"], first, last), _in(one["end"], first, last), text, start)
    elif text := once(str(result.text)):
        yield Segment(first, last, text, start)


def _in(seconds: float, first: float, last: float) -> float:
    """A time of a window as one of the recording."""
    return round(min(max(first + float(seconds), first), last), 3)


def _timed(segment: Any, lasts: float) -> bool:
    """Whether a segment says when it is said; some families put zeros, or how long they took."""
    if not isinstance(segment, dict) or not {"start", "end", "text"} <= segment.keys():
        return False
    begins, ends = segment["start"], segment["end"]
    return isinstance(begins, int | float) and isinstance(ends, int | float) and 0 <= begins < ends <= lasts + 1


def _words(tokens: Sequence[Any], first: float, last: float) -> Iterator[Word]:
    """Tokens as words; a word begins with a blank."""
    group: list[Any] = []
    for token in tokens:
        if group and token.text[:1].isspace():
            yield _word(group, first, last)
            group = []
        group.append(token)
    if group:
        yield _word(group, first, last)


def _word(tokens: Sequence[Any], first: float, last: float) -> Word:
    text = "".join(token.text for token in tokens)
    return Word(text, _in(tokens[0].start, first, last), _in(tokens[-1].end, first, last), 1.0)


def once(text: str) -> str:
    """A text with a blank before it, and what is said five times or more in a row said once: nobody spoke so."""
    shortened = _REPEATED.sub(
        lambda match: match["phrase"] if _LETTER.search(match["phrase"]) else match[0], text.strip()
    )
    return f" {shortened}" if shortened else ""

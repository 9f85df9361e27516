"""Whisper models converted to MLX: one try at a window of one recording a step, so that none delays the others.

The window loop is that of `mlx_whisper.transcribe` without word timestamps, and gives the same segments; segments
without text are left out.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import structlog

from mlxq.entries import WhisperEntry
from mlxq.settings import Settings
from tasks.blobs import BlobStore
from tasks.values import events
from tasks.values.errors import EngineError, Failure, InvalidValue, JobError, ModelNotFound
from tasks.values.events import Event
from tasks.values.job import Job
from tasks.values.requests import BlobRef, TranscriptionRequest
from workers import audio, blas
from workers.engine import Engine, Prepared
from workers.model_path import resolve
from workers.patience import ENDLESS, Patience

blas.preload()

import mlx.core as mx  # noqa: E402 - after OpenBLAS
from mlx_whisper.audio import (  # noqa: E402
    FRAMES_PER_SECOND,
    HOP_LENGTH,
    N_FRAMES,
    N_SAMPLES,
    SAMPLE_RATE,
    log_mel_spectrogram,
    pad_or_trim,
)
from mlx_whisper.decoding import DecodingOptions, DecodingResult  # noqa: E402
from mlx_whisper.load_models import load_model  # noqa: E402
from mlx_whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE, Tokenizer, get_tokenizer  # noqa: E402

TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
COMPRESSION_RATIO_THRESHOLD = 2.4
LOGPROB_THRESHOLD = -1.0
NO_SPEECH_THRESHOLD = 0.6
RESET_TEMPERATURE = 0.5  # text found above it is not shown to the next window
PROMPT = 1 << 15  # characters of a prompt's end, of which the model sees some 220 tokens

CHUNK = 60 * FRAMES_PER_SECOND  # frames of spectrogram made in one step
DYNAMIC_RANGE = 2.0  # a spectrogram's floor below its loudest moment: 8 decades, in log_mel_spectrogram's units of 4
_DECODING = 0.1  # seconds of a step in which every recording is still being decoded
_MARGIN = 2  # frames that a chunk's first and last transforms reach beyond it
log = structlog.get_logger()


@dataclass(frozen=True)
class Plan:
    """A recording, which is decoded when its turn has come, with what is asked of it."""

    recording: BlobRef
    language: str | None
    prompt: tuple[int, ...]
    temperatures: tuple[float, ...]


@dataclass(frozen=True)
class _Row:
    """A recording under way: its samples as soon as it is decoded, and the events that are made of them."""

    decoded: Future[audio.Samples]
    events: Iterator[list[Event]]
    dropped: threading.Event = field(default_factory=threading.Event)


@dataclass
class _Heard:
    """What was heard of a recording so far, and the frame from which to listen on."""

    tokens: list[int]
    shown_from: int = 0  # the tokens before it are no longer shown to the model
    seek: int = 0


@dataclass(frozen=True)
class _Piece:
    """Part of a window's tokens: `start` and `end` in seconds from the window's beginning."""

    start: float
    end: float
    tokens: list[int]


class WhisperEngine(Engine[Plan]):
    """Transcribes recordings, a window of 30 seconds at a time, taking turns between rows.

    A recording is decoded, by a thread of its own, once it is a row: what waits takes no memory.
    """

    stall_factor = 2.0  # a window's hundreds of tokens are one call

    def __init__(self, model: Any, blobs: BlobStore, *, slots: int, longest: float, temperature: float = 0.0) -> None:
        self.slots = slots
        self._model, self._blobs = model, blobs
        self._longest, self._temperature = longest, temperature
        self._fp16 = mx.metal.is_available()
        self._decoders = ThreadPoolExecutor(slots, "decode")
        self._rows: dict[str, _Row] = {}  # the longest waiting first
        self._stride = N_FRAMES // model.dims.n_audio_ctx  # frames a timestamp token stands for

    def check(self, job: Job, patience: Patience = ENDLESS) -> Prepared[Plan]:
        """Hears whether the recording begins like one; InvalidValue names `file` or `language`.

        What breaks later in it is found out when it is decoded.
        """
        request = job.payload
        if not isinstance(request, TranscriptionRequest):
            raise ModelNotFound(f"the model '{job.model}' only transcribes recordings", param="model")
        language = self._language(request.language)
        prompt: list[int] = []
        if request.prompt is not None:
            # Ordinary: what looks like a control token is the client's text.
            prompt = self._tokenizer("en").encoding.encode_ordinary(" " + request.prompt.strip()[-PROMPT:])
        temperature = self._temperature if request.temperature is None else request.temperature
        with self._blobs.open(request.audio) as file:
            audio.check(file, self._longest, patience)
        temperatures = (temperature,) if temperature else TEMPERATURES
        return Prepared(prompt_tokens=0, plan=Plan(request.audio, language, tuple(prompt), temperatures))

    def _language(self, asked: str | None) -> str | None:
        multilingual = self._model.is_multilingual
        if asked is None:
            return None if multilingual else "en"
        code: str = TO_LANGUAGE_CODE.get(asked.lower(), asked.lower())
        if code not in list(LANGUAGES)[: self._model.num_languages]:
            raise InvalidValue(
                f"'{asked}' is no language that this model knows, such as 'en' or 'english'", param="language"
            )
        if not multilingual and code != "en":
            raise InvalidValue(f"this model understands English only, not {LANGUAGES[code]}", param="language")
        return code

    def admit(self, row: str, prepared: Prepared[Plan]) -> None:
        plan, dropped = prepared.plan, threading.Event()
        decoded = self._decoders.submit(self._decode_recording, plan.recording, dropped)
        self._rows[row] = _Row(decoded, self._transcribe(plan, decoded), dropped)

    def _decode_recording(self, recording: BlobRef, dropped: threading.Event) -> audio.Samples:
        with self._blobs.open(recording) as file:
            return audio.decode(file, self._longest, Patience(lambda: not dropped.is_set()))

    def step(self) -> Sequence[tuple[str, Event]]:
        """A try at a window, or a minute of spectrogram, of the decoded row that has waited longest."""
        name = next((name for name, row in self._rows.items() if row.decoded.done()), None)
        if name is None:
            wait([row.decoded for row in self._rows.values()], _DECODING, FIRST_COMPLETED)
            return []
        row = self._rows.pop(name)
        try:
            produced = next(row.events)
        except JobError as error:
            return [(name, events.Failed(error.failure))]
        except Exception as error:
            log.exception("a recording could not be transcribed", row=name)
            message = f"the recording could not be transcribed: {type(error).__name__}: {error}"
            return [(name, events.Failed(Failure(EngineError.code, message)))]
        if not produced or not isinstance(produced[-1], events.TERMINAL):
            self._rows[name] = row
        return [(name, event) for event in produced]

    def device_memory(self) -> int:
        return mx.get_active_memory()

    def drop(self, row: str) -> None:
        if dropped := self._rows.pop(row, None):
            dropped.dropped.set()
            dropped.decoded.cancel()

    def warm_up(self) -> None:
        """Compile every kernel that a window takes, greedy and sampled."""
        features = self._encode(log_mel_spectrogram(np.zeros(N_SAMPLES, np.float32), self._model.dims.n_mels))
        for temperature in TEMPERATURES[:2]:
            options = DecodingOptions(language="en", fp16=self._fp16, sample_len=4, temperature=temperature)
            self._model.decode(features, options)

    def _transcribe(self, plan: Plan, decoded: Future[audio.Samples]) -> Iterator[list[Event]]:
        """The events of a recording that is decoded by now, those of one step at a time."""
        samples, chunks = decoded.result(), []
        for chunk in spectrogram(samples, self._model.dims.n_mels):
            chunks.append(chunk)
            yield []
        mel = mx.concatenate(chunks)
        mel = mx.maximum(mel, mel.max() - DYNAMIC_RANGE)
        mx.eval(mel)
        chunks.clear()
        frames, seconds = len(samples) // HOP_LENGTH, len(samples) / SAMPLE_RATE
        language = plan.language or self._detect(mel)
        yield []
        produced: list[Event] = [events.Recording(seconds, language)]
        heard = _Heard(list(plan.prompt))
        while heard.seek < frames:
            size = min(N_FRAMES, frames - heard.seek)
            features = self._encode(mel[heard.seek : heard.seek + size])
            shown = heard.tokens[heard.shown_from :]
            result = yield from self._decode(features, language, shown, plan.temperatures)
            produced += self._advance(heard, result, size, language)
            produced.append(events.Progress(min(heard.seek, frames), frames))
            if heard.seek < frames:
                yield produced
                produced = []
        yield [*produced, events.Done(events.Usage(seconds=seconds))]

    def _encode(self, mel: mx.array) -> mx.array:
        window = pad_or_trim(mel, N_FRAMES, axis=0).astype(mx.float16 if self._fp16 else mx.float32)
        features: mx.array = self._model.encoder(window[None])[0]
        return features

    def _detect(self, mel: mx.array) -> str:
        _, probabilities = self._model.detect_language(self._encode(mel))
        return str(max(probabilities, key=probabilities.__getitem__))

    def _decode(
        self, features: mx.array, language: str, shown: list[int], temperatures: tuple[float, ...]
    ) -> Generator[list[Event], None, DecodingResult]:
        """What is heard in a window: at the first temperature, and in steps of their own at the next if that fails."""
        for number, temperature in enumerate(temperatures):
            if number:
                yield []
            options = DecodingOptions(language=language, prompt=shown, temperature=temperature, fp16=self._fp16)
            result = self._model.decode(features, options)
            repeats = result.compression_ratio > COMPRESSION_RATIO_THRESHOLD
            silent = result.no_speech_prob > NO_SPEECH_THRESHOLD
            if silent or not (repeats or result.avg_logprob < LOGPROB_THRESHOLD):
                break
        return result

    def _advance(self, heard: _Heard, result: DecodingResult, size: int, language: str) -> list[Event]:
        """Take in what was heard in a window of `size` frames, and move to where the next one begins."""
        if result.no_speech_prob > NO_SPEECH_THRESHOLD and result.avg_logprob <= LOGPROB_THRESHOLD:
            heard.seek += size
            return []
        tokenizer = self._tokenizer(language)
        pieces, covered = _pieces(result.tokens, tokenizer.timestamp_begin, size, self._stride)
        offset = heard.seek * HOP_LENGTH / SAMPLE_RATE
        produced: list[Event] = []
        for piece in pieces:
            text = tokenizer.decode([token for token in piece.tokens if token < tokenizer.eot])
            if piece.start != piece.end and text.strip():
                heard.tokens += piece.tokens
                produced.append(events.Segment(offset + piece.start, offset + piece.end, text))
        heard.seek += covered or size  # a window that ends where it began would be heard for ever
        if result.temperature > RESET_TEMPERATURE:
            heard.shown_from = len(heard.tokens)
        return produced

    def _tokenizer(self, language: str) -> Tokenizer:
        model = self._model
        return get_tokenizer(
            model.is_multilingual, num_languages=model.num_languages, language=language, task="transcribe"
        )


def _pieces(tokens: list[int], timestamps: int, size: int, stride: int) -> tuple[list[_Piece], int]:
    """A window's tokens cut where two timestamps meet, and how many of its `size` frames they cover.

    `timestamps` is the first timestamp's token; each stands for `stride` frames.
    """
    precision = stride * HOP_LENGTH / SAMPLE_RATE
    is_time = [token >= timestamps for token in tokens]
    cuts = [at for at in range(1, len(tokens)) if is_time[at - 1] and is_time[at]]
    ended = is_time[-2:] == [False, True]  # nothing is said after the last timestamp
    if not cuts:
        last = next((token for token in reversed(tokens) if token >= timestamps), timestamps)
        end = (last - timestamps) * precision if last != timestamps else size * HOP_LENGTH / SAMPLE_RATE
        return [_Piece(0.0, end, tokens)], size
    if ended:
        cuts.append(len(tokens))
    parts = [tokens[start:end] for start, end in zip([0, *cuts], cuts, strict=False)]
    pieces = [_Piece((part[0] - timestamps) * precision, (part[-1] - timestamps) * precision, part) for part in parts]
    return pieces, size if ended else (parts[-1][-1] - timestamps) * stride


def spectrogram(samples: audio.Samples, n_mels: int) -> Iterator[mx.array]:
    """The log-mel spectrogram with 30 seconds of silence behind it, in chunks of (frames, n_mels).

    The memory it takes is a chunk's. Each chunk's floor is that of its own loudest moment; the recording's, which is
    never below it, is for the caller to lay.
    """
    frames = len(samples) // HOP_LENGTH
    for start in range(0, max(frames, 1), CHUNK):
        last = start + CHUNK >= frames
        before = min(start, _MARGIN)
        end = len(samples) if last else (start + CHUNK + _MARGIN) * HOP_LENGTH
        padding = N_SAMPLES if last else 0
        mel = log_mel_spectrogram(samples[(start - before) * HOP_LENGTH : end], n_mels, padding)
        chunk = mel[before:] if last else mel[before : before + CHUNK]
        mx.eval(chunk)
        yield chunk


def load(entry: WhisperEntry, settings: Settings) -> WhisperEngine:
    """The engine of a Whisper folder as mlx-community has them."""
    folder = resolve(entry.model_path, settings.cache)
    model = load_model(str(folder), mx.float16 if mx.metal.is_available() else mx.float32)
    engine = WhisperEngine(
        model,
        BlobStore(settings.home / "blobs"),
        slots=entry.batch_completion_size,
        longest=entry.options.max_seconds,
        temperature=entry.default_temperature or 0.0,
    )
    engine.warm_up()
    return engine

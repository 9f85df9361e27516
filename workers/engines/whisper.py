"""Speech models: mlx-whisper's decoder, one 30-second window a step, recordings taking turns.

What a window's tokens mean for the next one follows OpenAI's `whisper/transcribe.py` (Radford et al., arXiv 2212.04356,
section 4.5), as mlx-whisper's own `transcribe` does, so the words are the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import structlog

from mlxq.catalogue import ModelEntry
from mlxq.settings import Settings
from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402
from mlx_whisper.audio import (  # noqa: E402
    HOP_LENGTH,
    N_FRAMES,
    N_SAMPLES,
    SAMPLE_RATE,
    log_mel_spectrogram,
    pad_or_trim,
)
from mlx_whisper.decoding import DecodingOptions, DecodingResult  # noqa: E402
from mlx_whisper.load_models import load_model  # noqa: E402
from mlx_whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE, get_tokenizer  # noqa: E402

from tasks import events  # noqa: E402
from tasks.blobs import BlobStore  # noqa: E402
from tasks.errors import EngineError, Failure, InvalidValue  # noqa: E402
from tasks.events import Event  # noqa: E402
from tasks.job import Job  # noqa: E402
from tasks.requests import TranscriptionRequest  # noqa: E402
from workers import audio  # noqa: E402
from workers.engine import Prepared  # noqa: E402
from workers.model_path import resolve  # noqa: E402

SLOTS = 4  # recordings in memory at a time
LONGEST = 4 * 3600  # seconds
TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # tried in turn while the result looks wrong
MOST_COMPRESSION, LEAST_LOGPROB, MOST_SILENCE = 2.4, -1.0, 0.6  # what looks wrong; OpenAI's values
log = structlog.get_logger()


@dataclass(frozen=True)
class Plan:
    """A checked recording: (samples,) float32 at 16 kHz, and how to listen to it."""

    samples: audio.Samples
    language: str | None
    prompt: str | None
    temperatures: tuple[float, ...]


@dataclass(eq=False)
class Row:
    """A recording under way: `seek` is the frame where its next window begins."""

    name: str
    plan: Plan
    language: str = ""
    mel: Any = None  # (frames, mels), 30 seconds of silence at its end
    tokenizer: Any = None
    seek: int = 0
    tokens: list[int] = field(default_factory=list)  # said so far, the prompt first
    context: int = 0  # where in them the context of the next window begins

    @property
    def frames(self) -> int:
        return int(self.mel.shape[0] - N_FRAMES)

    @property
    def seconds(self) -> float:
        return len(self.plan.samples) / audio.RATE


class SpeechEngine:
    """A Whisper model; a step is one window of one recording."""

    def __init__(self, model: Any, blobs: BlobStore, slots: int, dtype: Any) -> None:
        self.slots = slots
        self._model, self._blobs, self._dtype = model, blobs, dtype
        self._languages = dict(list(LANGUAGES.items())[: model.num_languages]) if model.is_multilingual else {}
        self._rows: deque[Row] = deque()  # whose turn is next stands first
        # Half a frame a token: the encoder halves its input's length.
        self._stride = N_FRAMES // model.dims.n_audio_ctx
        self._decode(mx.zeros((N_FRAMES, model.dims.n_mels), dtype), "en", [], (0.0,))  # compiles the kernels

    def check(self, job: Job) -> Prepared[Plan]:
        """Decode the recording; refuses what is no recording and languages that the model does not know."""
        request = job.payload
        if not isinstance(request, TranscriptionRequest):
            raise InvalidValue("this model only transcribes", param="model")
        language = self._language(request.language)
        with self._blobs.open(request.audio) as file:
            samples = audio.decode(file, LONGEST)
        temperatures = (request.temperature,) if request.temperature else TEMPERATURES
        return Prepared(0, Plan(samples, language, request.prompt, temperatures))

    def _language(self, asked: str | None) -> str | None:
        if asked is None:
            return None if self._languages else "en"
        code = TO_LANGUAGE_CODE.get(asked.lower(), asked.lower())
        if not self._languages and code != "en":
            raise InvalidValue("this model knows English only", param="language")
        if self._languages and code not in self._languages:
            raise InvalidValue(f"'{asked}' is no language of this model; use a code such as 'en'", param="language")
        return str(code)

    def admit(self, row: str, prepared: Prepared[Plan]) -> None:
        self._rows.append(Row(row, prepared.plan))

    def drop(self, row: str) -> None:
        self._rows = deque(found for found in self._rows if found.name != row)

    def step(self) -> Sequence[tuple[str, Event]]:
        """One window of the recording whose turn it is."""
        row = self._rows.popleft()
        try:
            told = [(row.name, event) for event in self._advance(row)]
        except Exception as error:
            log.exception("a recording failed", row=row.name)
            failure = Failure(EngineError.code, f"the recording failed: {type(error).__name__}: {error}")
            return [(row.name, events.Failed(failure))]
        if not isinstance(told[-1][1], events.Done):
            self._rows.append(row)
        return told

    def _advance(self, row: Row) -> Iterator[Event]:
        if row.mel is None:
            self._listen(row)
            yield events.Recording(round(row.seconds, 3), row.language)
        else:
            yield from self._window(row)
        if row.seek < row.frames:
            yield events.Progress(row.seek, row.frames)
        else:
            yield events.Done(events.Usage(seconds=round(row.seconds, 3)))

    def _listen(self, row: Row) -> None:
        # Of the whole recording at once: its loudest moment sets the scale of every window.
        row.mel = log_mel_spectrogram(row.plan.samples, n_mels=self._model.dims.n_mels, padding=N_SAMPLES)
        mx.eval(row.mel)
        if row.plan.language is None:
            first = pad_or_trim(row.mel, N_FRAMES, axis=-2).astype(self._dtype)
            _, likely = self._model.detect_language(first)
            row.language = max(likely, key=likely.get)
        else:
            row.language = row.plan.language
        row.tokenizer = get_tokenizer(
            self._model.is_multilingual,
            num_languages=self._model.num_languages,
            language=row.language,
            task="transcribe",
        )
        if row.plan.prompt:
            row.tokens = row.tokenizer.encode(" " + row.plan.prompt.strip())

    def _window(self, row: Row) -> Iterator[Event]:
        size = min(N_FRAMES, row.frames - row.seek)
        mel = pad_or_trim(row.mel[row.seek : row.seek + size], N_FRAMES, axis=-2).astype(self._dtype)
        result = self._decode(mel, row.language, row.tokens[row.context :], row.plan.temperatures)
        if result.no_speech_prob > MOST_SILENCE and result.avg_logprob <= LEAST_LOGPROB:
            row.seek += size
            return
        offset = row.seek * HOP_LENGTH / SAMPLE_RATE
        tokens = np.array(result.tokens)
        pieces, read = self._cut(tokens, row.tokenizer.timestamp_begin, size)
        row.seek += read
        for start, end, said in pieces:
            text = row.tokenizer.decode([token for token in said if token < row.tokenizer.eot])
            if start != end and text.strip():
                row.tokens += said
                yield events.Segment(round(offset + start, 2), round(offset + end, 2), text)
        if result.temperature > 0.5:  # what was guessed is no context
            row.context = len(row.tokens)

    def _cut(self, tokens: Any, first_stamp: int, size: int) -> tuple[list[tuple[float, float, list[int]]], int]:
        """A window's tokens as (start, end, tokens) in its own seconds, and how many frames they account for."""
        precision = self._stride * HOP_LENGTH / SAMPLE_RATE  # seconds a step of the timestamps
        stamps = tokens >= first_stamp
        closed = stamps[-2:].tolist() == [False, True]  # one stamp at the end: nothing is said after it
        cuts = (np.where(stamps[:-1] & stamps[1:])[0] + 1).tolist()
        if not cuts:
            said = tokens[stamps]
            last = int(said[-1]) - first_stamp if len(said) else 0
            end = last * precision if last else size * HOP_LENGTH / SAMPLE_RATE
            return [(0.0, end, tokens.tolist())], size
        if closed:
            cuts.append(len(tokens))
        pieces = []
        for low, high in zip([0, *cuts[:-1]], cuts, strict=True):
            piece = tokens[low:high].tolist()
            pieces.append(((piece[0] - first_stamp) * precision, (piece[-1] - first_stamp) * precision, piece))
        # Otherwise the last piece is unfinished, and the next window begins where it did; unless that is where this one
        # began, which would never end.
        unfinished = (int(tokens[cuts[-1] - 1]) - first_stamp) * self._stride
        return pieces, size if closed else unfinished or size

    def _decode(self, mel: Any, language: str, context: list[int], temperatures: Sequence[float]) -> DecodingResult:
        for temperature in temperatures:
            options = DecodingOptions(
                language=language, prompt=context, temperature=temperature, fp16=self._dtype == mx.float16
            )
            result = self._model.decode(mel, options)
            repetitive = result.compression_ratio > MOST_COMPRESSION
            unlikely = result.avg_logprob < LEAST_LOGPROB
            if result.no_speech_prob > MOST_SILENCE or not (repetitive or unlikely):
                break
        return result


def load(entry: ModelEntry, settings: Settings) -> SpeechEngine:
    """The speech engine of an entry; call it in the thread that will own the model."""
    dtype = mx.float16 if mx.metal.is_available() else mx.float32
    model = load_model(str(resolve(entry.model_path, settings.cache)), dtype)
    return SpeechEngine(model, BlobStore(settings.home / "blobs"), entry.batch_completion_size or SLOTS, dtype)

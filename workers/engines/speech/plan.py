"""What a transcription asks of a model, refused where the model cannot do it, with texts as tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tasks.values.blob_ref import BlobRef
from tasks.values.errors import InvalidValue, ModelNotFound
from tasks.values.events import Segment
from tasks.values.job import Job, Lane
from tasks.values.requests import TranscriptionRequest
from workers import blas
from workers.engines.speech.cuts import Voice

blas.preload()

from mlx_whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE, Tokenizer, get_tokenizer  # noqa: E402 - after OpenBLAS

TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
PROMPT = 1 << 15  # characters of a prompt's end, of which the model sees some 220 tokens


@dataclass(frozen=True)
class Plan:
    """A recording, which is decoded when its turn has come, with what is asked of it.

    `done` frames were heard by an earlier attempt, which told `told`. `bulk` says that nobody waits for it.
    """

    recording: BlobRef
    language: str | None
    task: str
    prompt: tuple[int, ...]
    hotwords: tuple[int, ...]
    temperatures: tuple[float, ...]
    words: bool = False
    logprobs: bool = False
    sequential: bool = False
    skip_silence: bool = False
    voice: Voice = field(default_factory=Voice)
    bulk: bool = False
    done: int = 0
    told: tuple[Segment, ...] = ()


class Planner:
    """Reads requests for a model; `temperature` is that of requests that say nothing."""

    def __init__(self, model: Any, temperature: float) -> None:
        self._model, self._temperature = model, temperature

    def plan(self, job: Job) -> Plan:
        """What a job asks; raises ModelNotFound, and InvalidValue that names `language`, `task` or `model`."""
        request = job.payload
        if not isinstance(request, TranscriptionRequest):
            raise ModelNotFound(f"the model '{job.model}' only transcribes recordings", param="model")
        if request.task == "translate" and not self._model.is_multilingual:
            param = "model" if job.endpoint.endswith("/translations") else "task"
            raise InvalidValue(f"the model '{job.model}' understands English only and does not translate", param=param)
        temperature = self._temperature if request.temperature is None else request.temperature
        return Plan(
            recording=request.audio,
            language=self._language(request.language),
            task=request.task,
            prompt=self._encoded(request.prompt),
            hotwords=self._encoded(request.hotwords),
            temperatures=(temperature,) if temperature else TEMPERATURES,
            words=request.words,
            logprobs=request.logprobs,
            sequential=request.sequential,
            skip_silence=request.skip_silence,
            voice=Voice(request.voice.threshold, request.voice.silence, request.voice.padding),
            bulk=job.lane is not Lane.INTERACTIVE,
        )

    def _encoded(self, text: str | None) -> tuple[int, ...]:
        if text is None or not text.strip():
            return ()
        # Ordinary: what looks like a control token is the client's text.
        return tuple(tokenizer(self._model).encoding.encode_ordinary(" " + text.strip()[-PROMPT:]))

    def _language(self, asked: str | None) -> str | None:
        multilingual = self._model.is_multilingual
        if asked is None:
            return None if multilingual else "en"
        code: str = TO_LANGUAGE_CODE.get(asked.lower(), asked.lower())
        if code not in list(LANGUAGES)[: self._model.num_languages]:
            raise InvalidValue(
                f"'{asked}' is not a language that this model knows, such as 'en' or 'english'", param="language"
            )
        if not multilingual and code != "en":
            raise InvalidValue(f"this model understands English only, not {LANGUAGES[code]}", param="language")
        return code


def tokenizer(model: Any, language: str | None = None, task: str = "transcribe") -> Tokenizer:
    """A model's tokenizer for a language; ValueError for one that there is not."""
    return get_tokenizer(model.is_multilingual, num_languages=model.num_languages, language=language, task=task)

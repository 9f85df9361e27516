"""Models that speak, by mlx-audio: `model_type: text-to-speech`.

A text is spoken passage by passage, and a passage's audio is encoded as it comes. mlx-audio's models keep the state
of a passage in themselves, so one passage is spoken at a time, whatever texts take turns.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from mlxq.entries.text_to_speech import TextToSpeechEntry
from mlxq.settings import Settings
from tasks.stored.blobs import BlobStore
from tasks.values import events
from tasks.values.errors import EngineError, Failure, InvalidValue, JobError, ModelNotFound
from tasks.values.events import Event
from tasks.values.job import Job, Lane
from tasks.values.model import Details
from tasks.values.requests import SpeechRequest
from workers import blas
from workers.engine import Engine, Prepared, Unservable
from workers.engines.voices import types
from workers.engines.voices.architectures import ARCHITECTURES
from workers.engines.voices.chunks import Chunks
from workers.engines.voices.passages import passages
from workers.engines.voices.speaker import Speaker
from workers.media.downmix import Samples
from workers.model_files.model_path import resolve
from workers.serving.check_deadline import ENDLESS, CheckDeadline

blas.preload()
os.environ.setdefault("TQDM_DISABLE", "1")  # progress is told by events; a log wants no bars

import mlx.core as mx  # noqa: E402 - after OpenBLAS
from mlx_audio.tts.utils import load_model  # noqa: E402
from mlx_audio.utils import load_config  # noqa: E402

_SEEDS = 2**32
_FAMILIES = ("mlx_audio", "tts", "models")  # the package that holds a package for each
log = structlog.get_logger()


@dataclass(frozen=True)
class Plan:
    """A text in its passages, and what the model is asked for each of them; `bulk` says that nobody waits for it."""

    request: SpeechRequest
    passages: tuple[str, ...]
    arguments: dict[str, Any]
    bulk: bool


@dataclass(eq=False)
class Row:
    """A text under way: how many of its passages have been spoken, and whether one is being spoken."""

    plan: Plan
    passages_done: int = 0
    speaking: bool = False


class SpeechEngine(Engine[Plan]):
    """Speaks texts, `slots` of them in turns: people's first, then those of which least was spoken."""

    stall_factor = 5.0  # a model that does not stream makes a passage's audio in one call

    def __init__(self, speaker: Speaker, blobs: BlobStore, *, slots: int, longest: int) -> None:
        self.slots = slots
        self._speaker, self._blobs, self._longest = speaker, blobs, longest
        self._rows: dict[str, Row] = {}  # the longest waiting first
        self._steps: dict[str, Generator[list[Event]]] = {}  # the events of each row, those of a step at a time

    @property
    def details(self) -> Details:
        """The voices."""
        return Details(voices=self._speaker.voices)

    def prepare(self, job: Job, deadline: CheckDeadline = ENDLESS) -> Prepared[Plan]:
        """Cuts the text into passages; errors name `input` or what the model cannot honour."""
        request = job.payload
        if not isinstance(request, SpeechRequest):
            raise ModelNotFound(f"the model '{job.model}' only speaks", param="model")
        if len(request.text) > self._longest:
            message = f"the text has {len(request.text)} characters, and this model takes {self._longest}"
            raise InvalidValue(message, param="input")
        parts = tuple(passages(request.text))
        if not any(character.isalnum() for character in request.text):
            raise InvalidValue("there is nothing to speak in this text", param="input")
        arguments = dict(self._speaker.arguments(request))
        return Prepared(len(request.text), Plan(request, parts, arguments, bulk=job.lane is not Lane.INTERACTIVE))

    def admit(self, row: str, prepared: Prepared[Plan]) -> None:
        self._rows[row] = Row(prepared.plan)
        self._steps[row] = self._speak(self._rows[row])

    def step(self) -> Sequence[tuple[str, Event]]:
        """The next audio of the passage that is being spoken, or the beginning of somebody's next one."""
        name = min(self._rows, key=lambda one: self._turn(self._rows[one]))
        try:
            step_events = next(self._steps[name])
        except JobError as error:
            step_events = [events.Failed(error.failure)]
        except Exception as error:
            log.exception("a text could not be spoken", row=name)
            message = f"the text could not be spoken: {type(error).__name__}: {error}"
            step_events = [events.Failed(Failure(EngineError.code, message))]
        if step_events and isinstance(step_events[-1], events.TERMINAL):
            self.drop(name)
        return [(name, event) for event in step_events]

    @staticmethod
    def _turn(row: Row) -> tuple[bool, bool, int]:
        return not row.speaking, row.plan.bulk, row.passages_done

    def _speak(self, row: Row) -> Generator[list[Event]]:
        request, parts = row.plan.request, row.plan.passages
        chunks = Chunks(self._blobs, request.format, self._speaker.rate, request.speed)
        total, done = sum(map(len, parts)), 0
        yield [events.Progress(0, total)]
        for number, passage in enumerate(parts):
            row.speaking = True
            for samples in self._samples(row.plan, passage, number):
                yield [*chunks.add(samples)]
            row.speaking, row.passages_done = False, row.passages_done + 1
            done += len(passage)
            yield [events.Progress(done, total)]
        end = chunks.end()
        yield [*end, events.Done(events.Usage(len(request.text), chunks.tokens, seconds=chunks.seconds))]

    def _samples(self, plan: Plan, passage: str, number: int) -> Generator[Samples]:
        """A passage's audio; a model that refuses its arguments before it says anything refuses the request."""
        seed, begun = (plan.request.seed + number) % _SEEDS, False
        try:
            for samples in self._speaker.speak(passage, plan.arguments, seed):
                begun = True
                yield samples
        except ValueError as error:
            if begun or number:
                raise
            raise InvalidValue(f"the model refuses this: {error}") from error

    def warm_up(self) -> None:
        """Speak a word, which also tells whether all packages are here that the model reads text with."""
        request = SpeechRequest(text="Hello.", seed=0)
        try:
            for _ in self._speaker.speak(request.text, self._speaker.arguments(request), request.seed):
                pass
        except ImportError as error:
            raise Unservable(f"this model needs a package that is not installed: {error}") from error
        except (JobError, ValueError) as error:  # it speaks only with what a request says
            log.info("not warmed up", reason=str(error))

    def device_memory(self) -> int:
        return mx.get_active_memory()

    def relieve(self) -> None:
        mx.clear_cache()

    def drop(self, row: str) -> None:
        if self._rows.pop(row, None) is not None:
            self._steps.pop(row).close()


def load(entry: TextToSpeechEntry, settings: Settings) -> SpeechEngine:
    """The engine of a folder that mlx-audio reads; Unservable names what the entry or the machine lacks."""
    folder = resolve(entry.model_path, settings.cache)
    named = types.unnamed(load_config(folder))
    try:
        model: Any = load_model(folder, **({"model_type": named} if named else {}))
    except ImportError as error:
        raise Unservable(f"this model needs a package that is not installed: {error}") from error
    family = type(model).__module__.split(".")[len(_FAMILIES)]
    speaker = Speaker(model, ARCHITECTURES[family], folder, entry.voices)
    engine = SpeechEngine(
        speaker,
        BlobStore(settings.home / "blobs"),
        slots=entry.batch_completion_size,
        longest=entry.options.max_characters,
    )
    engine.warm_up()
    return engine

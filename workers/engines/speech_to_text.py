"""Models of mlx-audio that write down speech: `model_type: speech-to-text`.

A recording is cut in its pauses into windows, and what is not speech is left out. mlx-audio's models hear one window at
a time, so recordings take turns window by window.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import structlog
from msgspec.structs import replace

from mlxq.entries.speech_to_text import SpeechToTextEntry
from mlxq.settings import Settings
from tasks.stored.blobs import BlobStore
from tasks.values import events
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import EngineError, Failure, InvalidValue, JobError, ModelNotFound
from tasks.values.events import Event, Segment
from tasks.values.job import Job, Lane
from tasks.values.requests import TranscriptionRequest
from workers import blas
from workers.engine import Engine, Prepared, Unservable
from workers.engines.recognisers.recogniser import Recogniser, known, language, segments
from workers.engines.speech.cuts import FRAME, Cutter, Voice, Window
from workers.engines.speech.recording import Recording
from workers.engines.voices import types
from workers.media import audio
from workers.model_files.model_path import resolve
from workers.serving.check_deadline import ENDLESS, CheckDeadline

blas.preload()
os.environ.setdefault("TQDM_DISABLE", "1")  # progress is told by events; a log wants no bars

import mlx.core as mx  # noqa: E402 - after OpenBLAS
from mlx_audio.stt.utils import load_model  # noqa: E402
from mlx_audio.utils import load_config  # noqa: E402

_DECODING = 0.1  # seconds of a step in which every recording is still being decoded
log = structlog.get_logger()


@dataclasses.dataclass(frozen=True)
class Plan:
    """A recording and what the model is asked for each window.

    `done` frames were heard by an earlier attempt, whose segments are `earlier`. `bulk` says that nobody waits for it.
    """

    recording: BlobRef
    arguments: Mapping[str, Any]
    voice: Voice
    language: str | None
    bulk: bool
    done: int = 0
    earlier: tuple[Segment, ...] = ()


@dataclasses.dataclass(eq=False)
class Row:
    """A recording under way: how many of its windows were heard, and what it said of itself."""

    plan: Plan
    recording: Recording
    language: str | None
    windows_done: int = 0
    begun: events.Recording | None = None
    tokens: int = 0

    def ahead(self) -> Window | None:
        """The next window to hear, if it was found already; those that an earlier attempt heard are passed over."""
        while ahead := self.recording.windows(self.windows_done):
            if ahead[0].end > self.plan.done:
                return ahead[0]
            self.windows_done += 1
        return None


class RecogniserEngine(Engine[Plan]):
    """Writes down recordings, `slots` of them in turns: people's first, then those of which least was heard."""

    stall_factor = 5.0  # a window of a large model is heard in one call

    def __init__(self, recogniser: Recogniser, blobs: BlobStore, *, slots: int, longest: float) -> None:
        self.slots = slots
        self._recogniser, self._blobs, self._longest = recogniser, blobs, longest
        self._threads = ThreadPoolExecutor(slots, "decode")
        self._decoding: dict[str, Future[None]] = {}
        self._rows: dict[str, Row] = {}  # the longest waiting first

    def prepare(self, job: Job, deadline: CheckDeadline = ENDLESS) -> Prepared[Plan]:
        """Hears whether the recording begins like one; InvalidValue names what is wrong, or cannot be honoured."""
        request = job.payload
        if not isinstance(request, TranscriptionRequest):
            raise ModelNotFound(f"the model '{job.model}' only transcribes recordings", param="model")
        if request.task == "translate" and not self._recogniser.can.translates:
            param = "model" if job.endpoint.endswith("/translations") else "task"
            raise InvalidValue(f"the model '{job.model}' does not translate", param=param)
        arguments = self._recogniser.arguments(request)
        with self._blobs.open(request.audio) as file:
            audio.check(file, self._longest, deadline)
        voice = Voice(request.voice.threshold, request.voice.silence, request.voice.padding)
        bulk = job.lane is not Lane.INTERACTIVE
        return Prepared(prompt_tokens=0, plan=Plan(request.audio, arguments, voice, request.language, bulk))

    def resumed(self, prepared: Prepared[Plan], earlier: Sequence[Event]) -> Prepared[Plan]:
        """Go on behind the last window that an earlier attempt heard whole."""
        done = max((event.done for event in earlier if isinstance(event, events.Progress)), default=0)
        recording = next((event for event in earlier if isinstance(event, events.Recording)), None)
        if not done or recording is None:
            return prepared
        segments_before = tuple(event for event in earlier if isinstance(event, Segment))
        plan = dataclasses.replace(prepared.plan, done=done, earlier=segments_before, language=recording.language)
        return replace(prepared, plan=plan)

    def admit(self, row: str, prepared: Prepared[Plan]) -> None:
        plan = prepared.plan
        recording = Recording(Cutter(plan.voice, skip=True), self._blobs.root)
        self._rows[row] = Row(plan, recording, plan.language)
        self._decoding[row] = self._threads.submit(recording.decode, self._blobs, plan.recording, self._longest)

    def step(self) -> Sequence[tuple[str, Event]]:
        """A window of one recording, and the end of those that were heard to theirs."""
        produced: list[tuple[str, Event]] = []
        for name, row in list(self._rows.items()):
            complete = row.recording.complete  # asked first: windows that come meanwhile are heard too
            if row.recording.error is not None:
                produced.append((name, self._failed(name, row.recording.error)))
            elif complete and row.ahead() is None:
                produced += [(name, event) for event in (*self._opening(row), *self._ending(row))]
                self.drop(name)
        waiting = [name for name, row in self._rows.items() if row.ahead() is not None]
        if waiting:
            name = min(waiting, key=lambda one: (self._rows[one].plan.bulk, self._rows[one].windows_done))
            produced += [(name, event) for event in self._hear(name, self._rows[name])]
        elif self._rows and not produced:
            wait([self._decoding[name] for name in self._rows], _DECODING, FIRST_COMPLETED)
        return produced

    def _hear(self, name: str, row: Row) -> list[Event]:
        window = row.ahead()
        assert window is not None  # noqa: S101  (only such rows are heard)
        try:
            samples, before = row.recording.read(window.start, window.end)
            window_samples = samples[before * FRAME : (before + window.end - window.start) * FRAME]
            result = self._recogniser.hear(window_samples, row.plan.arguments, seed=window.start)
            segments_ = list(segments(result, window.start, window.end))
        except Exception as error:
            return [self._failed(name, error)]
        row.windows_done += 1
        row.language = row.language or language(result)
        row.tokens += int(getattr(result, "generation_tokens", 0) or 0)
        progress = events.Progress(window.end, max(window.end, row.recording.frames))
        return [*self._opening(row), *segments_, progress]

    def _failed(self, name: str, error: Exception) -> Event:
        self.drop(name)
        if isinstance(error, JobError):
            return events.Failed(error.failure)
        log.error("a recording could not be transcribed", row=name, exc_info=error)
        message = f"the recording could not be transcribed: {type(error).__name__}: {error}"
        return events.Failed(Failure(EngineError.code, message))

    @staticmethod
    def _opening(row: Row) -> list[Event]:
        """What is told before the first words, an earlier attempt's words among it."""
        if row.begun is not None:
            return []
        row.begun = _recording(row)
        progress = [events.Progress(row.plan.done, max(row.plan.done, row.recording.frames))] if row.plan.done else []
        return [row.begun, *row.plan.earlier, *progress]

    @staticmethod
    def _ending(row: Row) -> list[Event]:
        recording = _recording(row)
        done = events.Done(events.Usage(0, row.tokens, seconds=row.recording.seconds))
        return [*([recording] if recording != row.begun else []), done]

    def device_memory(self) -> int:
        return mx.get_active_memory()

    def relieve(self) -> None:
        mx.clear_cache()

    def drop(self, row: str) -> None:
        if (dropped := self._rows.pop(row, None)) is not None:
            dropped.recording.close()
            self._decoding.pop(row).cancel()


def _recording(row: Row) -> events.Recording:
    code, name = (None, None) if row.language is None else known(row.language)
    return events.Recording(row.recording.seconds, code, name)


def load(entry: SpeechToTextEntry, settings: Settings) -> RecogniserEngine:
    """The engine of a folder that mlx-audio reads; Unservable names what the machine lacks."""
    folder = resolve(entry.model_path, settings.cache)
    named = types.unnamed(load_config(folder))
    try:
        model: Any = load_model(folder, **({"model_type": named} if named else {}))
    except ImportError as error:
        raise Unservable(f"this model needs a package that is not installed: {error}") from error
    return RecogniserEngine(
        Recogniser(model),
        BlobStore(settings.home / "blobs"),
        slots=entry.batch_completion_size,
        longest=entry.options.max_seconds,
    )

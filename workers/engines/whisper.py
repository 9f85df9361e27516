"""Whisper models converted to MLX: windows of all recordings go through encoder and decoder together.

A recording is cut in its pauses into windows, which are heard apart, each as `mlx_whisper.transcribe` would hear it. A
step is an encoding of windows that join, or one token of every window under way.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

import structlog
from msgspec.structs import replace

from mlxq.entries.whisper import WhisperEntry
from mlxq.settings import Settings
from tasks.stored.blobs import BlobStore
from tasks.values import events
from tasks.values.errors import EngineError, Failure, JobError
from tasks.values.events import Event, Segment
from tasks.values.job import Job
from workers import blas
from workers.engine import Engine, Prepared
from workers.engines.speech.cuts import FRAME, WINDOW, Cutter
from workers.engines.speech.decoding import Decoder, Outcome, Try
from workers.engines.speech.network import Network
from workers.engines.speech.passages import Passage
from workers.engines.speech.plan import TEMPERATURES, Plan, Planner, tokenizer
from workers.engines.speech.recording import MARGIN, Recording
from workers.engines.speech.row import Row
from workers.engines.speech.words import Aligner, set_heads
from workers.media import audio
from workers.model_files.model_path import resolve
from workers.serving.check_deadline import ENDLESS, CheckDeadline

blas.preload()

import mlx.core as mx  # noqa: E402 - after OpenBLAS
from mlx_whisper.audio import FRAMES_PER_SECOND, log_mel_spectrogram  # noqa: E402
from mlx_whisper.load_models import load_model  # noqa: E402
from mlx_whisper.tokenizer import LANGUAGES, Tokenizer  # noqa: E402

_TOGETHER = 4  # windows that a GPU encodes at once; a CPU gains nothing by it
_DECODING = 0.1  # seconds of a step in which every recording is still being decoded
_WARM = 4  # tokens that are said to make every kernel ready
log = structlog.get_logger()


class WhisperEngine(Engine[Plan]):
    """Transcribes recordings, `slots` of them and as many windows at a time.

    A recording is decoded, by a thread of its own, once it is a row: what waits takes no memory.
    """

    stall_factor = 2.0  # several windows of a large model are encoded in one call

    def __init__(self, model: Any, blobs: BlobStore, *, slots: int, longest: float, temperature: float = 0.0) -> None:
        self.slots = slots
        self._model, self._blobs = model, blobs
        self._longest, self._planner = longest, Planner(model, temperature)
        metal = mx.metal.is_available()
        self._dtype, self._together = (mx.float16, _TOGETHER) if metal else (mx.float32, 1)
        self._network, self._aligner = Network(model), Aligner(model)
        self._stride = WINDOW // model.dims.n_audio_ctx  # frames a timestamp token stands for
        self._context = model.dims.n_text_ctx
        self._decoder = Decoder(
            self._network, self._tokenizer("en"), context=self._context, precision=self._stride / FRAMES_PER_SECOND
        )
        self._threads = ThreadPoolExecutor(slots, "decode")
        self._decoding: dict[str, Future[None]] = {}
        self._rows: dict[str, Row] = {}  # the longest waiting first
        self._paused: dict[str, Row] = {}
        self._tries: dict[Try, tuple[str, Passage]] = {}  # whose the windows under way are

    def prepare(self, job: Job, deadline: CheckDeadline = ENDLESS) -> Prepared[Plan]:
        """Hears whether the recording begins like one; InvalidValue names what is wrong.

        What breaks later in it is found out when it is decoded.
        """
        plan = self._planner.plan(job)
        with self._blobs.open(plan.recording) as file:
            audio.check(file, self._longest, deadline)
        return Prepared(prompt_tokens=len(plan.prompt) + len(plan.hotwords), plan=plan)

    def resumed(self, prepared: Prepared[Plan], earlier: Sequence[Event]) -> Prepared[Plan]:
        """Go on behind the last window of which an earlier attempt wrote every event."""
        done = max((event.done for event in earlier if isinstance(event, events.Progress)), default=0)
        recording = next((event for event in earlier if isinstance(event, events.Recording)), None)
        if not done or recording is None:
            return prepared
        segments = tuple(event for event in earlier if isinstance(event, Segment))
        language = prepared.plan.language or recording.language
        return replace(prepared, plan=dataclasses.replace(prepared.plan, done=done, told=segments, language=language))

    def admit(self, row: str, prepared: Prepared[Plan]) -> None:
        plan = prepared.plan
        cutter = None if plan.sequential else Cutter(plan.voice, skip=plan.skip_silence)
        recording = Recording(cutter, self._blobs.root)
        self._rows[row] = Row(plan, recording, LANGUAGES)
        self._decoding[row] = self._threads.submit(recording.decode, self._blobs, plan.recording, self._longest)

    def step(self) -> Sequence[tuple[str, Event]]:
        """An encoding of windows that join, or a token of every window; then what is known of each recording."""
        produced = self._each(dict.fromkeys(self._rows), lambda name, _: self._rows[name].collect())
        if joining := self._joining():
            produced += self._join(joining)
        elif len(self._decoder):
            produced += self._take(self._decoder.step())
        elif self._rows:
            wait([self._decoding[name] for name in self._rows], _DECODING, FIRST_COMPLETED)
        for name, row in list(self._rows.items()):
            for event in row.tell():
                produced.append((name, event))
                if isinstance(event, events.Done):
                    self.drop(name)
        return produced

    def _each(self, things: Mapping[str, Any], do: Callable[[str, Any], None]) -> list[tuple[str, Event]]:
        """Do something for rows; one that breaks over it ends alone."""
        failed: list[tuple[str, Event]] = []
        for name, thing in things.items():
            try:
                do(name, thing)
            except JobError as error:
                failed.append((name, events.Failed(error.failure)))
            except Exception as error:
                log.exception("a recording could not be transcribed", row=name)
                message = f"the recording could not be transcribed: {type(error).__name__}: {error}"
                failed.append((name, events.Failed(Failure(EngineError.code, message))))
        for name, _ in failed:
            self.drop(name)
        return failed

    def _joining(self) -> list[tuple[str, Passage]]:
        """The passages that are heard next, as many as there are places: people's first, and in turns."""
        waiting = {name: row.waiting for name, row in self._rows.items()}
        busy = {name: row.busy for name, row in self._rows.items()}
        bulk = {name for name, row in self._rows.items() if row.plan.bulk}
        chosen: list[tuple[str, Passage]] = []
        while len(self._decoder) + len(chosen) < self.slots:
            full = sum(busy[name] for name in bulk) >= self.slots - self.slots // 8
            names = [name for name, left in waiting.items() if left and not (full and name in bulk)]
            if not names:
                break
            name = min(names, key=lambda one: (one in bulk, busy[one]))
            busy[name] += 1
            chosen.append((name, waiting[name].pop(0)))
        return chosen

    def _join(self, joining: Sequence[tuple[str, Passage]]) -> list[tuple[str, Event]]:
        """Encode some of the windows that are not, and let all begin that are."""
        fresh = [(name, passage) for name, passage in joining if passage.features is None][: self._together]
        failed: list[tuple[str, Event]] = []
        for name, passage in fresh:
            failed += self._each({name: passage}, self._transform)
        if fresh := [(name, passage) for name, passage in fresh if name in self._rows]:
            self._encode(fresh)
        for name, passage in joining:
            if passage.features is not None and name in self._rows:
                failed += self._each({name: passage}, self._begin)
        begun = [one for one in self._tries if not one.said]
        return [*failed, *self._take(self._decoder.join(begun))]

    def _encode(self, fresh: Sequence[tuple[str, Passage]]) -> None:
        features = self._network.encode(mx.stack([passage.mel for _, passage in fresh if passage.mel is not None]))
        mx.eval(features)
        for (name, passage), encoded in zip(fresh, features, strict=True):
            passage.features, passage.mel = encoded, None
            self._rows[name].language = self._rows[name].language or self._detect(encoded)

    def _transform(self, name: str, passage: Passage) -> None:
        """Make the log-mel spectrogram (frames, bands) of a passage's window, with nothing behind its end."""
        samples, before = self._rows[name].recording.read(passage.seek, passage.seek + passage.size)
        silence = (before + passage.size + MARGIN) * FRAME - len(samples)
        mel = log_mel_spectrogram(samples, self._model.dims.n_mels, max(0, silence))
        window = mel[before : before + passage.size].astype(self._dtype)
        passage.mel = mx.pad(window, [(0, WINDOW - passage.size), (0, 0)])

    def _detect(self, features: mx.array) -> str:
        tokenizer = self._tokenizer("en")
        states = self._network.decode(mx.array([[tokenizer.sot]]), self._network.listen(features[None]))
        logits = self._network.logits(states[0, -1])
        likeliest = mx.argmax(logits[mx.array(tokenizer.all_language_tokens)]).item()
        return str(tokenizer.all_language_codes[likeliest])

    def _begin(self, name: str, passage: Passage) -> None:
        plan = self._rows[name].plan
        tokenizer = self._tokenizer(self._rows[name].language, plan.task)
        most = self._context // 2 - 1
        hotwords = list(plan.hotwords[:most])
        shown = hotwords + passage.shown[len(passage.shown) - min(most - len(hotwords), len(passage.shown)) :]
        prefix = ([tokenizer.sot_prev, *shown] if shown else []) + list(tokenizer.sot_sequence)
        assert passage.features is not None  # noqa: S101  (it is encoded)
        temperature = plan.temperatures[passage.tried]
        passage.attempt = Try(passage.features, tuple(prefix), temperature, seed=passage.seek)
        self._tries[passage.attempt] = name, passage

    def _take(self, ended: Sequence[tuple[Try, Outcome]]) -> list[tuple[str, Event]]:
        """What came of tries: segments, or another try."""
        failed: list[tuple[str, Event]] = []
        for one, outcome in ended:
            name, passage = self._tries.pop(one)
            if name not in self._rows or passage.fails(outcome, self._rows[name].plan.temperatures):
                continue
            failed += self._each({name: passage}, partial(self._cut, outcome))
        return failed

    def _cut(self, outcome: Outcome, name: str, passage: Passage) -> None:
        row = self._rows[name]
        tokenizer = self._tokenizer(row.language, row.plan.task)
        segments, covered = passage.cut(outcome, tokenizer, self._stride, logprobs=row.plan.logprobs)
        if row.plan.words and segments and passage.features is not None:
            segments = self._aligner.align(segments, tokenizer, passage.features, passage.size, passage.spoken)
            last = next((one.words[-1].end for one in reversed(segments) if one.words), 0.0)
            if covered < passage.size and last * FRAMES_PER_SECOND > passage.seek:
                covered = max(1, round(last * FRAMES_PER_SECOND) - passage.seek)
        passage.advance(segments, covered, outcome.temperature)

    def device_memory(self) -> int:
        return mx.get_active_memory()

    def pause(self, row: str) -> bool:
        self._silence(row)
        self._paused[row] = self._rows.pop(row)
        return True

    def resume(self, row: str) -> None:
        self._rows[row] = self._paused.pop(row)

    def drop(self, row: str) -> None:
        dropped = self._rows.pop(row, None) or self._paused.pop(row, None)
        if dropped is not None:
            dropped.recording.close()
            self._silence(row)
            self._decoding.pop(row).cancel()

    def _silence(self, row: str) -> None:
        """Hear a row's windows no further; they begin again if it goes on."""
        tries = [one for one, (name, _) in self._tries.items() if name == row]
        self._decoder.drop(tries)
        for one in tries:
            self._tries.pop(one)[1].attempt = None

    def warm_up(self) -> None:
        """Compile every kernel that a window takes, greedy and sampled."""
        dims = self._model.dims
        features = self._network.encode(mx.zeros((1, WINDOW, dims.n_mels), self._dtype))[0]
        prefix = tuple(self._tokenizer("en").sot_sequence)
        tries = [Try(features, prefix, temperature, seed=0) for temperature in TEMPERATURES[:2]]
        self._decoder.join(tries)
        for _ in range(_WARM):
            self._decoder.step()
        self._decoder.drop(tries)

    def _tokenizer(self, language: str | None, task: str = "transcribe") -> Tokenizer:
        return tokenizer(self._model, language, task)


def load(entry: WhisperEntry, settings: Settings) -> WhisperEngine:
    """The engine of a Whisper folder as mlx-community has them."""
    folder = resolve(entry.model_path, settings.cache)
    model = load_model(str(folder), mx.float16 if mx.metal.is_available() else mx.float32)
    set_heads(model, folder)
    engine = WhisperEngine(
        model,
        BlobStore(settings.home / "blobs"),
        slots=entry.batch_completion_size,
        longest=entry.options.max_seconds,
        temperature=entry.default_temperature or 0.0,
    )
    engine.warm_up()
    return engine

"""Whisper on real speech: the words and times of the reference loop, a window a step."""

from __future__ import annotations

import io
import re
import threading
import tracemalloc
import wave
from collections.abc import Iterator
from concurrent.futures import wait
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jiwer
import numpy as np
import pytest

from mlxq.settings import Settings
from tasks.blobs import BlobStore
from tasks.values import events
from tasks.values.errors import InvalidValue, JobCancelled, ModelNotFound, NotFound
from tasks.values.events import Done, Event, Failed, Progress, Recording, Segment
from tasks.values.job import Job, Lane
from tasks.values.requests import BlobRef, ChatRequest, Message, Payload, TranscriptionRequest
from tests import recordings, starter
from tests.servers import PATIENCE
from workers import audio
from workers.engine import Prepared
from workers.engines import whisper
from workers.engines.whisper import CHUNK, DYNAMIC_RANGE, TEMPERATURES, Plan, WhisperEngine, spectrogram
from workers.patience import Patience

import mlx_whisper  # isort: skip - after the engine, which brings OpenBLAS
from mlx_whisper.audio import N_SAMPLES, log_mel_spectrogram  # isort: skip

Samples = np.ndarray[Any, np.dtype[np.float32]]
PROMPT = "Sense and Sensibility, by Jane Austen."


def job(payload: Payload) -> Job:
    return Job(
        id="job_1",
        owner="anonymous",
        model="tiny",
        endpoint="/v1/audio/transcriptions",
        payload=payload,
        created=0,
        deadline=1,
        lane=Lane.INTERACTIVE,
        keep=60,
    )


def samples(path: Path) -> Samples:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / np.float32(32768)


class Listener:
    """An engine, and the blobs that it reads."""

    def __init__(self, engine: WhisperEngine, blobs: BlobStore) -> None:
        self.engine, self.blobs = engine, blobs

    def check(self, audio: Samples, **fields: Any) -> Prepared[Plan]:
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(16_000)
            out.writeframes((audio * 32768).astype(np.int16).tobytes())
        ref = self.blobs.put(file.getvalue(), "audio/wav")
        return self.engine.check(job(TranscriptionRequest(ref, **fields)))

    def admit(self, row: str, audio: Samples, *, decoded: bool = True, **fields: Any) -> None:
        self.engine.admit(row, self.check(audio, **fields))
        if decoded:  # rows take turns in the order in which they are
            wait([self.engine._rows[row].decoded])

    def run(self, rows: int = 1) -> Iterator[tuple[str, Event]]:
        while rows:
            for row, event in self.engine.step():
                rows -= isinstance(event, events.TERMINAL)
                yield row, event

    def hear(self, audio: Samples, **fields: Any) -> list[Event]:
        self.admit("row", audio, **fields)
        return [event for _, event in self.run()]


@pytest.fixture(scope="module")
def listener(english: WhisperEngine, speech_settings: Settings) -> Listener:
    return Listener(english, BlobStore(speech_settings.home / "blobs"))


@pytest.fixture(scope="module")
def sentences() -> list[tuple[Samples, str]]:
    return [(samples(path), said) for path, said in recordings.librivox()]


@pytest.fixture(scope="module")
def alone(listener: Listener, sentences: list[tuple[Samples, str]]) -> list[list[Event]]:
    """What is heard in each sentence when nothing else runs."""
    return [listener.hear(audio) for audio, _ in sentences]


@pytest.fixture(scope="module")
def long(sentences: list[tuple[Samples, str]]) -> Samples:
    """About 35 seconds, which is longer than a window."""
    return np.concatenate([audio for audio, _ in [*sentences, *sentences[:2]]])


@pytest.fixture(scope="module")
def together(listener: Listener, long: Samples, sentences: list[tuple[Samples, str]]) -> list[tuple[str, Event]]:
    """What a long and a short recording give that run at once."""
    listener.admit("long", long, prompt=PROMPT)
    listener.admit("short", sentences[0][0])
    return list(listener.run(rows=2))


def of(row: str, produced: list[tuple[str, Event]]) -> list[Event]:
    return [event for name, event in produced if name == row]


def segments(found: list[Event]) -> list[Segment]:
    return [event for event in found if isinstance(event, Segment)]


def words(found: list[Event]) -> str:
    text = "".join(segment.text for segment in segments(found)).lower()
    return " ".join(re.sub(r"[^a-z ]", " ", text).split())


def test_real_speech_is_understood(alone: list[list[Event]], sentences: list[tuple[Samples, str]]) -> None:
    assert jiwer.wer([said for _, said in sentences], [words(found) for found in alone]) <= 0.08


def test_a_long_recording_is_heard_as_by_the_reference_loop(together: list[tuple[str, Event]], long: Samples) -> None:
    found = segments(of("long", together))
    folder = str(starter.folder("whisper-tiny.en"))
    expected = mlx_whisper.transcribe(long, path_or_hf_repo=folder, fp16=False, initial_prompt=PROMPT)
    told = [segment for segment in expected["segments"] if segment["text"]]
    assert [segment.text for segment in found] == [segment["text"] for segment in told]
    assert [segment.start for segment in found] == pytest.approx([segment["start"] for segment in told])
    assert [segment.end for segment in found] == pytest.approx([segment["end"] for segment in told])
    assert "".join(segment.text for segment in found) == expected["text"]


def test_the_recording_comes_first_and_progress_ends_at_the_whole(
    together: list[tuple[str, Event]], long: Samples
) -> None:
    found = of("long", together)
    seconds, frames = len(long) / 16_000, len(long) // 160
    assert found[0] == Recording(seconds, "en")
    assert found[-1] == Done(events.Usage(seconds=seconds))
    done = [event.done for event in found if isinstance(event, Progress) and event.total == frames]
    assert len(done) >= 2
    assert (sorted(done), done[-1]) == (done, frames)


def test_two_recordings_take_turns_and_hear_what_they_would_alone(
    together: list[tuple[str, Event]], alone: list[list[Event]]
) -> None:
    assert of("short", together) == alone[0]
    assert [row for row, event in together if isinstance(event, Progress)][:3] == ["long", "short", "long"]


def test_each_try_at_a_window_is_a_step_and_others_get_their_turn_between(
    listener: Listener, sentences: list[tuple[Samples, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whisper, "LOGPROB_THRESHOLD", 1.0)  # nothing is ever sure enough
    engine, decode, tries = listener.engine, listener.engine._model.decode, list[float]()

    def tried(features: Any, options: Any) -> Any:
        tries.append(options.temperature)
        return decode(features, options)

    monkeypatch.setattr(engine._model, "decode", tried)
    for row in ("one", "other"):
        listener.admit(row, sentences[0][0])
    told: list[tuple[str, Event]] = []
    while sum(isinstance(event, Done) for _, event in told) < 2:
        before = len(tries)
        told += engine.step()
        assert len(tries) <= before + 1
    assert tries == [temperature for temperature in TEMPERATURES for _ in range(2)]


def test_a_row_dropped_midway_says_no_more_and_the_other_goes_on(
    listener: Listener, long: Samples, sentences: list[tuple[Samples, str]], alone: list[list[Event]]
) -> None:
    listener.admit("gone", long)
    listener.admit("kept", sentences[1][0])
    produced: list[tuple[str, Event]] = []
    while not any(isinstance(event, Progress) for event in of("gone", produced)):
        produced += listener.engine.step()
    before = len(of("gone", produced))
    listener.engine.drop("gone")
    listener.engine.drop("unknown")
    produced += listener.run()
    assert len(of("gone", produced)) == before
    assert of("kept", produced) == alone[1]


def test_what_breaks_in_one_row_ends_only_that_row(
    listener: Listener, sentences: list[tuple[Samples, str]], alone: list[list[Event]]
) -> None:
    plan = listener.check(sentences[1][0]).plan
    listener.engine.admit("broken", Prepared(0, replace(plan, language="a language that there is not")))
    listener.engine.admit("whole", Prepared(0, plan))
    produced = list(listener.run(rows=2))
    broken = of("broken", produced)[-1]
    assert isinstance(broken, Failed)
    assert broken.failure.code == "engine_error"
    assert "Unsupported language" in broken.failure.message
    assert of("whole", produced) == alone[1]


def test_a_spectrogram_made_in_chunks_is_that_of_the_whole(long: Samples) -> None:
    recording = np.concatenate([0.001 * long, 0.001 * long, long, long])  # the loudest comes after the first chunk
    chunks = list(spectrogram(recording, 80))
    assert [len(chunk) for chunk in chunks[:2]] == [CHUNK, CHUNK]
    made = np.concatenate([np.array(chunk) for chunk in chunks])
    expected = np.array(log_mel_spectrogram(recording, 80, padding=N_SAMPLES))
    np.testing.assert_allclose(np.maximum(made, made.max() - DYNAMIC_RANGE), expected, atol=1e-5)


def test_silence_has_no_words(listener: Listener) -> None:
    assert not segments(listener.hear(np.zeros(16_000 * 3, np.float32)))


@pytest.mark.parametrize(("asked", "tried"), [(None, TEMPERATURES), (0.0, TEMPERATURES), (0.7, (0.7,))])
def test_a_temperature_above_0_is_the_only_one_tried(
    listener: Listener, sentences: list[tuple[Samples, str]], asked: float | None, tried: tuple[float, ...]
) -> None:
    assert listener.check(sentences[1][0], temperature=asked).plan.temperatures == tried


def test_a_prompt_that_looks_like_a_control_token_is_text(
    listener: Listener, sentences: list[tuple[Samples, str]]
) -> None:
    assert len(listener.check(sentences[1][0], prompt="<|endoftext|>").plan.prompt) > 1


@pytest.fixture(scope="module")
def multilingual(listener: Listener) -> Listener:
    """A listener that only checks: what a model says of its 99 languages is enough for that."""
    dims = SimpleNamespace(n_audio_ctx=1500)
    model = SimpleNamespace(is_multilingual=True, num_languages=99, dims=dims)
    return Listener(WhisperEngine(model, listener.blobs, slots=1, longest=60), listener.blobs)


@pytest.mark.parametrize(
    ("kind", "asked", "code"),
    [
        ("listener", None, "en"),
        ("listener", "English", "en"),
        ("multilingual", None, None),
        ("multilingual", "DE", "de"),
        ("multilingual", "castilian", "es"),
    ],
)
def test_a_language_is_taken_by_code_and_by_name(
    request: pytest.FixtureRequest,
    sentences: list[tuple[Samples, str]],
    kind: str,
    asked: str | None,
    code: str | None,
) -> None:
    checker: Listener = request.getfixturevalue(kind)
    assert checker.check(sentences[1][0], language=asked).plan.language == code


@pytest.mark.parametrize(
    ("kind", "asked", "reason"),
    [
        ("listener", "de", "English only, not german"),
        ("listener", "xx", "'xx' is no language"),
        ("multilingual", "xx", "'xx' is no language"),
        ("multilingual", "yue", "'yue' is no language"),  # known from large-v3 on
    ],
)
def test_a_language_that_the_model_lacks_is_refused(
    request: pytest.FixtureRequest, sentences: list[tuple[Samples, str]], kind: str, asked: str, reason: str
) -> None:
    checker: Listener = request.getfixturevalue(kind)
    with pytest.raises(InvalidValue, match=reason) as refused:
        checker.check(sentences[1][0], language=asked)
    assert refused.value.failure.param == "language"


def test_what_is_no_transcription_is_refused(listener: Listener) -> None:
    with pytest.raises(ModelNotFound, match="only transcribes"):
        listener.engine.check(job(ChatRequest((Message("user", "hello"),))))
    with pytest.raises(NotFound):
        listener.engine.check(job(TranscriptionRequest(BlobRef("0" * 64, 1, "audio/wav"))))


def test_a_recording_over_the_models_bound_is_refused(listener: Listener, long: Samples) -> None:
    with pytest.raises(InvalidValue, match="longer than the 120 seconds"):
        listener.check(np.concatenate([long] * 4))


def test_what_waits_is_not_decoded(listener: Listener, long: Samples) -> None:
    """However many recordings are checked, they take no memory until their turn has come."""
    listener.check(long)
    tracemalloc.start()
    waiting = [listener.check(long) for _ in range(8)]
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(waiting) == 8 and kept < long.nbytes


def test_a_short_recording_is_checked_while_long_ones_wait(
    listener: Listener, long: Samples, sentences: list[tuple[Samples, str]]
) -> None:
    waiting = [listener.check(long) for _ in range(40)]
    assert listener.hear(sentences[1][0])[-1] == Done(events.Usage(seconds=len(sentences[1][0]) / 16_000))
    assert len(waiting) == 40


def test_rows_go_on_while_another_is_decoded(
    listener: Listener,
    sentences: list[tuple[Samples, str]],
    alone: list[list[Event]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decode, free = audio.decode, threading.Event()

    def held(file: Any, longest: float, patience: Patience) -> Samples:
        found = decode(file, longest, patience)
        if len(found) == len(sentences[0][0]):
            assert free.wait(PATIENCE)
        return found

    monkeypatch.setattr(audio, "decode", held)
    listener.admit("slow", sentences[0][0], decoded=False)
    assert listener.hear(sentences[1][0]) == alone[1]
    assert listener.engine.step() == []
    free.set()
    assert of("slow", list(listener.run())) == alone[0]


def test_a_recording_that_breaks_when_it_is_decoded_says_so(
    listener: Listener, sentences: list[tuple[Samples, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Samples:
        raise InvalidValue("the recording is longer than it says", param="file")

    monkeypatch.setattr(audio, "decode", broken)
    (event,) = listener.hear(sentences[1][0])
    assert isinstance(event, Failed)
    assert (event.failure.code, event.failure.param) == ("invalid_value", "file")


def test_a_recording_that_nobody_wants_any_more_is_not_decoded_to_its_end(
    listener: Listener, sentences: list[tuple[Samples, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up = threading.Event()

    def endless(file: Any, longest: float, patience: Patience) -> Samples:
        try:
            while True:
                patience.look()
        except JobCancelled:
            given_up.set()
            raise

    monkeypatch.setattr(audio, "decode", endless)
    listener.admit("gone", sentences[1][0], decoded=False)
    assert listener.engine.step() == []
    listener.engine.drop("gone")
    assert given_up.wait(PATIENCE)

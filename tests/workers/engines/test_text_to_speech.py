"""The engine that speaks: passages one after the other, as mlx-audio speaks them, in every format."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from mlxq.entries.text_to_speech import TextToSpeechEntry, TextToSpeechOptions
from mlxq.settings import Settings
from tasks.stored.blobs import BlobStore
from tasks.values import events, results
from tasks.values.errors import InvalidValue, ModelNotFound, UnsupportedParameter
from tasks.values.events import AudioChunk, Done, Event, Progress
from tasks.values.job import Job, Lane
from tasks.values.messages import Message
from tasks.values.requests import ChatRequest, SpeechFormat, SpeechRequest
from tests.workers.engines import rows
from tests.workers.engines.rows import Batch
from tests.workers.engines.voices import tiny
from workers.engine import Unservable
from workers.engines import text_to_speech
from workers.engines.text_to_speech import SpeechEngine
from workers.engines.voices.encoder import FORMATS
from workers.engines.voices.passages import passages

import mlx.core as mx  # isort: skip - after the engine, which brings OpenBLAS
from mlx_audio.tts.utils import load_model  # isort: skip

TEXT = "It was a bright cold day in April, and cold. Nobody said more."


def job(text: str = TEXT, lane: Lane = Lane.INTERACTIVE, **fields: Any) -> Job:
    found = rows.job(SpeechRequest(text=text, **{"seed": 7, "format": "wav", **fields}))
    return Job(**{**{name: getattr(found, name) for name in found.__struct_fields__}, "lane": lane})


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.pocket(tmp_path_factory.mktemp("models") / "pocket")


@pytest.fixture(scope="module")
def engine(folder: Path, settings: Settings) -> SpeechEngine:
    entry = TextToSpeechEntry(
        model_path=str(folder), voices={"alloy": "marius"}, options=TextToSpeechOptions(max_characters=400)
    )
    return text_to_speech.load(entry, settings)


def audio(batch: Batch, name: str, settings: Settings) -> bytes:
    chunks = [event for event in batch.heard[name] if isinstance(event, AudioChunk)]
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    return b"".join(BlobStore(settings.home / "blobs").read(chunk.blob) for chunk in chunks)


def spoken(wav: bytes) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.frombuffer(wav[44:], "<i2")


class TestAsMlxAudioSpeaks:
    @pytest.mark.parametrize("voice", [*tiny.VOICES, None])
    def test_each_passage_is_what_mlx_audio_makes_of_it(
        self, engine: SpeechEngine, folder: Path, settings: Settings, voice: str | None
    ) -> None:
        parts = passages(TEXT)
        assert len(parts) > 1
        theirs = load_model(folder)
        made = []
        for number, passage in enumerate(parts):
            mx.random.seed(7 + number)
            made += [np.array(one.audio) for one in theirs.generate(passage, voice=voice or tiny.VOICES[0])]
        ours = spoken(audio(rows.run(engine, job(voice=voice)), "0", settings))
        expected = np.clip(np.concatenate(made), -1, 1)
        assert len(ours) == len(expected) > 3 * tiny.RATE
        np.testing.assert_allclose(ours / 32768, expected, atol=1e-3)

    def test_texts_that_take_turns_sound_as_each_does_alone(self, engine: SpeechEngine, settings: Settings) -> None:
        jobs = [job(text, voice=voice, seed=seed) for text, voice, seed in [
            (TEXT, "alba", 1), ("Hello there, how are you? I am well.", "marius", 2), (TEXT[:50], "alloy", 3),
        ]]  # fmt: skip
        together = rows.run(engine, *jobs)
        for number, one in enumerate(jobs):
            assert audio(together, str(number), settings) == audio(rows.run(engine, one), "0", settings)

    def test_a_model_that_does_not_stream_speaks_a_passage_a_step(self, tmp_path: Path, settings: Settings) -> None:
        engine = text_to_speech.load(TextToSpeechEntry(model_path=str(tiny.whole(tmp_path / "whole"))), settings)
        assert engine.details.voices == ("default",)
        batch = rows.run(engine, job())
        theirs = load_model(tmp_path / "whole")
        made = []
        for number, passage in enumerate(passages(TEXT)):
            mx.random.seed(7 + number)
            made += [np.array(one.audio) for one in theirs.generate(passage)]
        ours = spoken(audio(batch, "0", settings)) / 32768
        np.testing.assert_allclose(ours, np.clip(np.concatenate(made), -1, 1), atol=1e-3)
        assert rows.run(engine, job(voice="default")).ended("0")
        with pytest.raises(InvalidValue, match="has no voice 'alba'; it has default"):
            engine.prepare(job(voice="alba"))


class TestFormats:
    @pytest.mark.parametrize(
        ("format_", "speed"), [*((format_, 1.0) for format_ in FORMATS), ("wav", 0.25), ("mp3", 1.5), ("flac", 4.0)]
    )
    def test_every_format_lasts_as_long_as_the_speech(
        self, engine: SpeechEngine, settings: Settings, format_: SpeechFormat, speed: float
    ) -> None:
        batch = rows.run(engine, job("Hello.", format=format_, speed=speed))
        data, usage = audio(batch, "0", settings), batch.usage("0")
        usual = len(spoken(audio(rows.run(engine, job("Hello.")), "0", settings))) / tiny.RATE
        if format_ == "pcm":
            seconds = len(data) / 2 / 24_000
        else:
            with av.open(io.BytesIO(data)) as container:
                frames = list(container.decode(audio=0))
            seconds = sum(frame.samples for frame in frames) / frames[0].sample_rate
        assert seconds == pytest.approx(usual / speed, abs=0.5) == pytest.approx(usage.seconds, abs=0.5)
        chunks = [event for event in batch.heard["0"] if isinstance(event, AudioChunk)]
        assert sum(chunk.seconds for chunk in chunks) == pytest.approx(usage.seconds, abs=1e-3)

    def test_the_same_request_makes_the_same_bytes(self, engine: SpeechEngine, settings: Settings) -> None:
        first, second = (rows.run(engine, *(job("Hi.", format=format_) for format_ in FORMATS)) for _ in range(2))
        for name in first.heard:
            assert audio(first, name, settings) == audio(second, name, settings)

    def test_python_reads_a_wav(self, engine: SpeechEngine, settings: Settings) -> None:
        with wave.open(io.BytesIO(audio(rows.run(engine, job("Hello.")), "0", settings))) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (tiny.RATE, 1, 2)


class TestTurns:
    def test_audio_is_there_before_the_text_is_spoken(self, engine: SpeechEngine) -> None:
        batch = Batch(engine)
        batch.admit("row", job())
        while not any(isinstance(event, AudioChunk) for event in batch.heard["row"]):
            batch.step()
        assert not batch.ended("row") and batch.steps < 5
        batch.drop("row")

    def test_people_go_first_and_texts_take_turns(self, engine: SpeechEngine) -> None:
        batch = Batch(engine)
        batch.admit("bulk", job(lane=Lane.BATCH))
        for name in ("one", "two"):
            batch.admit(name, job())
        while not (batch.ended("one") and batch.ended("two")):
            batch.step()
            one, two = (passed(batch.heard[name]) for name in ("one", "two"))
            assert abs(one - two) <= 1
        assert passed(batch.heard["bulk"]) == 0
        assert batch.run().ended("bulk")

    def test_a_text_that_is_dropped_amid_a_passage_leaves_the_model_as_it_was(
        self, engine: SpeechEngine, settings: Settings
    ) -> None:
        alone = audio(rows.run(engine, job()), "0", settings)
        batch = Batch(engine)
        batch.admit("dropped", job(seed=9))
        while not any(isinstance(event, AudioChunk) for event in batch.heard["dropped"]):
            batch.step()
        batch.admit("0", job())
        batch.drop("dropped")
        assert audio(batch.run(), "0", settings) == alone

    def test_progress_is_in_characters(self, engine: SpeechEngine) -> None:
        heard = rows.run(engine, job()).heard["0"]
        told = [event for event in heard if isinstance(event, Progress)]
        total = sum(map(len, passages(TEXT)))
        assert [event.done for event in told] == sorted(event.done for event in told)
        assert (told[0].done, told[-1].done, told[-1].total) == (0, total, total)
        result = results.fold(job().payload, heard)
        assert isinstance(result, results.SpeechResult) and isinstance(heard[-1], Done)
        assert results.blobs(result) == tuple(event.blob for event in heard if isinstance(event, AudioChunk))
        assert result.usage.prompt_tokens == len(TEXT)
        assert result.usage.completion_tokens == pytest.approx(50 * result.usage.seconds, abs=1)


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "kind", "param"),
        [
            ({"voice": "nobody"}, InvalidValue, "voice"),
            ({"voice": "README"}, InvalidValue, "voice"),
            ({"instructions": "cheerfully"}, UnsupportedParameter, "instructions"),
            ({"text": "a" * 401}, InvalidValue, "input"),
            ({"text": " \n "}, InvalidValue, "input"),
            ({"text": "... !?"}, InvalidValue, "input"),
        ],
    )
    def test_what_it_cannot_honour_is_named(
        self, engine: SpeechEngine, fields: dict[str, Any], kind: type[InvalidValue], param: str
    ) -> None:
        with pytest.raises(kind) as raised:
            engine.prepare(job(**{"text": TEXT, **fields}))
        assert raised.value.failure.param == param

    def test_other_requests_are_refused(self, engine: SpeechEngine) -> None:
        with pytest.raises(ModelNotFound):
            engine.prepare(rows.job(ChatRequest((Message("user", "hi"),))))

    def test_a_model_whose_library_would_end_the_process_is_not_served(
        self, engine: SpeechEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def ends(*_: object, **__: object) -> Any:
            raise SystemExit(1)

        monkeypatch.setattr(engine._speaker._model, "generate", ends)
        with pytest.raises(Unservable, match="needs a package"):
            engine.warm_up()
        failed = rows.run(engine, job("Hi.")).heard["0"][-1]
        assert isinstance(failed, events.Failed) and failed.failure.code == "engine_error"

    def test_a_model_that_breaks_fails_its_text_alone(
        self, engine: SpeechEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        speak = engine._speaker.speak

        def breaks(passage: str, *rest: Any) -> Any:
            if "Nobody" in passage:
                raise RuntimeError("no")
            return speak(passage, *rest)

        monkeypatch.setattr(engine._speaker, "speak", breaks)
        batch = rows.run(engine, job(), job("Hello."))
        assert isinstance(batch.heard["1"][-1], Done)
        failed = batch.heard["0"][-1]
        assert isinstance(failed, events.Failed) and failed.failure.code == "engine_error"


class TestVoices:
    def test_those_of_the_files_and_of_the_entry(self, engine: SpeechEngine) -> None:
        assert engine.details.voices == (*tiny.VOICES, "alloy")

    def test_a_name_of_the_entry_is_the_voice_that_it_stands_for(
        self, engine: SpeechEngine, settings: Settings
    ) -> None:
        alias, own, other = (
            audio(rows.run(engine, job("Hi.", voice=voice)), "0", settings) for voice in ("alloy", "marius", "ALBA")
        )
        assert alias == own != other

    def test_a_recording_is_imitated(self, folder: Path, settings: Settings, tmp_path: Path) -> None:
        path = tmp_path / "me.wav"
        with wave.open(str(path), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(16_000)
            out.writeframes((np.sin(np.arange(32_000) / 10) * 9_000).astype("<i2").tobytes())
        entry = TextToSpeechEntry(model_path=str(folder), voices={"me": str(path)})
        engine = text_to_speech.load(entry, settings)
        assert engine.details.voices == (*tiny.VOICES, "me")
        mine, other = (audio(rows.run(engine, job("Hi.", voice=voice)), "0", settings) for voice in ("me", "alba"))
        assert mine != other

    @pytest.mark.parametrize(
        ("voices", "message"),
        [({"alloy": "nobody"}, "'alloy' is 'nobody'"), ({"me": "/nowhere/me.wav"}, "No such file")],
    )
    def test_an_entry_that_names_what_is_not_there_is_not_served(
        self, folder: Path, settings: Settings, voices: dict[str, str], message: str
    ) -> None:
        with pytest.raises(Unservable, match=message):
            text_to_speech.load(TextToSpeechEntry(model_path=str(folder), voices=voices), settings)


def passed(heard: list[Event]) -> int:
    """How many passages were spoken."""
    return sum(isinstance(event, Progress) and event.done > 0 for event in heard)

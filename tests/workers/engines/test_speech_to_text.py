"""mlx-audio's recognisers: windows as mlx-audio hears them, recordings in turns, and what they cannot honour."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest

from mlxq.entries.speech_to_text import SpeechToTextEntry
from mlxq.settings import Settings
from tasks.stored.blobs import BlobStore
from tasks.values import events, results
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import InvalidValue, ModelNotFound
from tasks.values.events import Event, Progress, Recording, Segment
from tasks.values.job import Job, Lane
from tasks.values.requests import SpeechRequest, TranscriptionRequest
from tests.support import recordings
from tests.workers.engines import rows
from tests.workers.engines.recognisers import tiny
from tests.workers.engines.rows import Batch
from workers.engines import speech_to_text
from workers.engines.recognisers import recogniser
from workers.engines.recognisers.recogniser import Recogniser, language, once
from workers.engines.speech_to_text import RecogniserEngine

import mlx.core as mx  # isort: skip - after the engine, which brings OpenBLAS

RATE, TOKENS = 16_000, 24


def samples(*numbers: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Recordings one after the other, a second of silence between them."""
    found: list[Any] = []
    for number in numbers:
        with wave.open(str(recordings.librivox()[number][0])) as file:
            found += [np.frombuffer(file.readframes(file.getnframes()), "<i2"), np.zeros(RATE, "<i2")]
    return np.concatenate(found)


class Listener:
    """An engine, and the blobs that it reads."""

    def __init__(self, model: Path, home: Path) -> None:
        settings = Settings(home=home)
        self.blobs = BlobStore(home / "blobs")
        self.engine: RecogniserEngine = speech_to_text.load(SpeechToTextEntry(model_path=str(model)), settings)
        self.theirs = self.engine._recogniser._model

    def ref(self, heard: np.ndarray[Any, np.dtype[np.int16]]) -> BlobRef:
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(heard.tobytes())
        return self.blobs.put(file.getvalue(), "audio/wav")

    def job(self, heard: np.ndarray[Any, Any], lane: Lane = Lane.INTERACTIVE, **fields: Any) -> Job:
        return msgspec.structs.replace(rows.job(TranscriptionRequest(self.ref(heard), **fields)), lane=lane)

    def run(self, *heard: np.ndarray[Any, Any], **fields: Any) -> Batch:
        return rows.run(self.engine, *(self.job(one, **fields) for one in heard))


@pytest.fixture(scope="module", autouse=True)
def brief() -> Iterator[None]:
    """Windows of few tokens, as a random model would go on to the last one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recogniser, "_TOKENS", TOKENS)
        yield


@pytest.fixture(scope="module")
def untimed(tmp_path_factory: pytest.TempPathFactory) -> Listener:
    home = tmp_path_factory.mktemp("untimed")
    return Listener(tiny.untimed(home / "model"), home)


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Listener:
    home = tmp_path_factory.mktemp("timed")
    return Listener(tiny.timed(home / "model"), home)


def segments(heard: list[Event]) -> list[Segment]:
    return [event for event in heard if isinstance(event, Segment)]


def bounds(heard: list[Event]) -> Iterator[tuple[int, int]]:
    """The windows of an untimed model, in frames."""
    for segment in segments(heard):
        yield round(segment.start * 100), round(segment.end * 100)


class TestAsMlxAudioHears:
    def test_each_window_is_what_mlx_audio_makes_of_it(self, untimed: Listener) -> None:
        audio = samples(*range(5), *range(5))
        heard = untimed.run(audio).heard["0"]
        windows = list(bounds(heard))
        assert len(windows) > 1 and all(0 < end - start <= 3000 for start, end in windows)
        for (start, end), segment in zip(windows, segments(heard), strict=True):
            own = audio[start * 160 : end * 160].astype(np.float32) / np.float32(32768)
            assert segment.text == once(untimed.theirs.generate(mx.array(own), max_tokens=TOKENS).text)

    def test_times_of_sentences_and_words_are_the_model_s(self, timed: Listener) -> None:
        audio = samples(4)
        heard = timed.run(audio, words=True).heard["0"]
        found = segments(heard)
        begin = found[0].seek
        (last,) = {event.done for event in heard if isinstance(event, Progress)}
        own = audio[begin * 160 : last * 160].astype(np.float32) / np.float32(32768)
        mx.random.seed(begin)  # of the dither
        theirs = timed.theirs.generate(mx.array(own), dtype=mx.float32)
        assert [one.text for one in found] == [once(sentence.text) for sentence in theirs.sentences]
        assert [one.start for one in found] == pytest.approx(
            [begin / 100 + sentence.start for sentence in theirs.sentences], abs=0.01
        )
        words = [word for one in found for word in one.words]
        assert "".join(word.word for word in words) == "".join(sentence.text for sentence in theirs.sentences)
        assert all(0 <= word.start <= word.end <= last / 100 for word in words)

    def test_recordings_in_turns_are_heard_as_each_is_alone(self, untimed: Listener) -> None:
        audios = [samples(0, 1), samples(2), samples(3, 4)]
        together = untimed.run(*audios)
        for number, audio in enumerate(audios):
            assert segments(together.heard[str(number)]) == segments(untimed.run(audio).heard["0"])


class TestTurns:
    def test_people_go_first(self, untimed: Listener) -> None:
        batch = Batch(untimed.engine)
        batch.admit("bulk", untimed.job(samples(0, 1, 2, 3), Lane.BATCH))
        batch.admit("person", untimed.job(samples(4)))
        for name in ("bulk", "person"):
            untimed.engine._decoding[name].result()
        while not any(isinstance(event, Progress) for event in batch.heard["person"]):
            batch.step()
        assert not any(isinstance(event, Progress) for event in batch.heard["bulk"])
        assert segments(batch.run().heard["bulk"])

    def test_one_that_was_broken_off_goes_on_behind_its_last_window(self, untimed: Listener) -> None:
        job = untimed.job(samples(*range(5), *range(5)))
        whole = rows.run(untimed.engine, job).heard["0"]
        first = next(at for at, event in enumerate(whole) if isinstance(event, Progress))
        batch = Batch(untimed.engine)
        batch.heard["0"] = []
        untimed.engine.admit("0", untimed.engine.resumed(untimed.engine.prepare(job), whole[: first + 1]))
        again = batch.run().heard["0"]
        assert segments(again) == segments(whole)
        assert sum(isinstance(event, Progress) for event in again) == sum(
            isinstance(event, Progress) for event in whole
        )

    def test_its_result_is_a_transcript(self, untimed: Listener) -> None:
        audio = samples(0)
        job = untimed.job(audio)
        heard = rows.run(untimed.engine, job).heard["0"]
        result = results.fold(job.payload, heard)
        assert isinstance(result, results.TranscriptResult)
        assert result.text and result.seconds == pytest.approx(len(audio) / RATE)
        assert result.usage.completion_tokens > 0


class TestGuards:
    def test_nothing_is_made_up_in_silence(self, untimed: Listener) -> None:
        heard = untimed.run(np.zeros(40 * RATE, np.int16)).heard["0"]
        assert segments(heard) == [] and isinstance(heard[0], Recording)
        assert isinstance(heard[-1], events.Done) and heard[-1].usage.seconds == 40

    @pytest.mark.parametrize(
        ("said", "told"),
        [
            ("", ""),
            ("  ", ""),
            (" Hello there. ", " Hello there."),
            ("no no no no", " no no no no"),
            ("no no no no no no", " no"),
            ("So it goes. So it goes. So it goes. So it goes. So it goes. He left.", " So it goes. He left."),
            ("谢谢谢谢谢谢谢谢谢谢谢谢", " 谢谢"),
            ("1000000000000 is a million millions", " 1000000000000 is a million millions"),
            ("-----------", " -----------"),
            ("Brrrr, it is cold", " Brrrr, it is cold"),
        ],
    )
    def test_what_is_said_over_and_over_is_told_once(self, said: str, told: str) -> None:
        assert once(said) == told


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "param"),
        [
            ({"language": "en"}, "language"),
            ({"prompt": "Jane Austen"}, "prompt"),
            ({"hotwords": "Dashwood"}, "hotwords"),
            ({"words": True}, "timestamp_granularities"),
            ({"logprobs": True}, "include"),
            ({"sequential": True}, "condition_on_previous_text"),
            ({"task": "translate"}, "task"),
        ],
    )
    def test_what_a_model_cannot_honour_is_named(self, untimed: Listener, fields: dict[str, Any], param: str) -> None:
        with pytest.raises(InvalidValue) as raised:
            untimed.engine.prepare(untimed.job(samples(4), **fields))
        assert raised.value.failure.param == param

    def test_temperature_goes_to_a_model_that_samples(self, untimed: Listener, timed: Listener) -> None:
        assert segments(untimed.run(samples(4), temperature=0.5).heard["0"])
        with pytest.raises(InvalidValue, match="'temperature'"):
            timed.engine.prepare(timed.job(samples(4), temperature=0.5))

    def test_what_is_no_recording_is_refused(self, untimed: Listener) -> None:
        ref = untimed.blobs.put(b"no sound", "audio/wav")
        with pytest.raises(InvalidValue):
            untimed.engine.prepare(rows.job(TranscriptionRequest(ref)))
        with pytest.raises(ModelNotFound):
            untimed.engine.prepare(rows.job(SpeechRequest(text="a", seed=1)))


class Told:
    """A model that takes a language by its name, as Qwen3-ASR does, or by its code, and says which it heard."""

    def __init__(self, *names: str) -> None:
        self.config = SimpleNamespace(support_languages=names)

    def generate(
        self, audio: object, language: str | None = None, source_lang: str = "en", target_lang: str = "en"
    ) -> None:
        return


class Named(Told):
    def generate(self, audio: object, language: str | None = None) -> None:  # type: ignore[override]
        return


class TestLanguages:
    @pytest.mark.parametrize(
        ("model", "asked", "given"),
        [
            (Named("English", "Chinese"), "en", {"language": "English"}),
            (Named("English", "Chinese"), "english", {"language": "English"}),
            (Named("English", "Chinese"), "zh", {"language": "Chinese"}),
            (Named(), "German", {"language": "de"}),
            (Named(), "xx", {"language": "xx"}),
            (Told(), "german", {"source_lang": "de", "target_lang": "de"}),
        ],
    )
    def test_a_model_is_told_a_language_as_it_knows_it(self, model: Told, asked: str, given: dict[str, str]) -> None:
        ref = BlobRef("0", 1, "audio/wav")
        assert Recogniser(model).arguments(TranscriptionRequest(ref, asked)) == given

    def test_one_that_translates_is_told_both_languages(self) -> None:
        request = TranscriptionRequest(BlobRef("0", 1, "audio/wav"), "de", task="translate")
        assert Recogniser(Told()).arguments(request) == {"source_lang": "de", "target_lang": "en"}
        with pytest.raises(InvalidValue, match="'language'"):
            Recogniser(Told()).arguments(TranscriptionRequest(BlobRef("0", 1, "audio/wav"), task="translate"))

    @pytest.mark.parametrize(
        ("said", "code"),
        [("en", "en"), ("English", "en"), (["Chinese", "English"], "zh"), ([None], None), ("auto", None), (None, None)],
    )
    def test_what_a_model_heard_is_a_code(self, said: object, code: str | None) -> None:
        assert language(SimpleNamespace(language=said)) == code

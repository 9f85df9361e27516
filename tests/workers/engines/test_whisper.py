"""The speech engine on a real model and real recordings: the words are those of mlx-whisper's own loop."""

from __future__ import annotations

import io
import re
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import jiwer
import numpy as np
import pytest

from tasks import events, fold
from tasks.errors import InvalidValue
from tasks.requests import BlobRef, TranscriptionRequest
from tests import recordings, starter
from tests.workers.engines.rows import Batch, chat, run, transcription
from workers import audio

if TYPE_CHECKING:
    from workers.engines.whisper import SpeechEngine

ANY = TranscriptionRequest(BlobRef("", 0, ""))


def result(batch: Batch, name: str) -> fold.TranscriptResult:
    found = fold.fold(ANY, batch.heard[name])
    assert isinstance(found, fold.TranscriptResult)
    return found


def words(text: str) -> str:
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower().replace("-", " ")).split())


def wav(samples: audio.Samples) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(audio.RATE)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    return file.getvalue()


@pytest.fixture(scope="module")
def long() -> bytes:
    """More than one window of speech."""
    pieces = [audio.decode(path.open("rb"), 60) for path, _ in recordings.librivox()]
    return wav(np.concatenate([*pieces, *pieces[:3]]))


def test_it_writes_down_what_was_read(speech_engine: SpeechEngine, speech_home: Path) -> None:
    read = recordings.librivox()
    batch = run(speech_engine, *(transcription(speech_home, path.read_bytes()) for path, _ in read))
    heard = [words(result(batch, str(number)).text) for number in range(len(read))]
    assert jiwer.wer([words(text) for _, text in read], heard) <= 0.08
    assert result(batch, "0").language == "en"
    assert batch.usage("0").seconds == pytest.approx(result(batch, "0").seconds) and result(batch, "0").seconds > 2


def test_windows_join_as_in_the_library(speech_engine: SpeechEngine, speech_home: Path, long: bytes) -> None:
    import mlx_whisper

    ours = result(run(speech_engine, transcription(speech_home, long)), "0")
    samples = audio.decode(io.BytesIO(long), 600)
    theirs = mlx_whisper.transcribe(samples, path_or_hf_repo=str(starter.folder("whisper-tiny.en")), fp16=False)
    assert ours.seconds > 30
    assert ours.text == theirs["text"].strip()
    told = [(round(s["start"], 2), round(s["end"], 2), s["text"]) for s in theirs["segments"] if s["text"]]
    assert [(segment.start, segment.end, segment.text) for segment in ours.segments] == told


def test_recordings_take_turns(speech_engine: SpeechEngine, speech_home: Path, long: bytes) -> None:
    short = recordings.librivox()[4][0].read_bytes()
    batch = Batch(speech_engine)
    longer = wav(np.tile(audio.decode(io.BytesIO(long), 600), 3))
    batch.admit("long", transcription(speech_home, longer))
    batch.admit("dropped", transcription(speech_home, long))
    batch.step()
    batch.admit("short", transcription(speech_home, short))
    batch.drop("dropped")
    while not batch.ended("short"):
        batch.step()
    assert not batch.ended("long")
    assert any(isinstance(event, events.Progress) and event.done for event in batch.heard["long"])
    batch.drop("long")


def test_a_prompt_sets_the_spelling(speech_engine: SpeechEngine, speech_home: Path) -> None:
    recording = recordings.librivox()[0][0].read_bytes()
    plain = result(run(speech_engine, transcription(speech_home, recording)), "0").text
    prompted = run(
        speech_engine, transcription(speech_home, recording, prompt="Mister John Dashwood, Mister Knightley.")
    )
    assert "Mr." in plain and "Mister" in result(prompted, "0").text


def test_a_language_that_the_model_does_not_know_is_refused(speech_engine: SpeechEngine, speech_home: Path) -> None:
    recording = recordings.librivox()[4][0].read_bytes()
    for language in ("de", "klingon"):
        with pytest.raises(InvalidValue) as caught:
            speech_engine.check(transcription(speech_home, recording, language=language))
        assert caught.value.failure.param == "language"
    assert speech_engine.check(transcription(speech_home, recording, language="English")).plan.language == "en"


def test_what_is_no_recording_is_refused(speech_engine: SpeechEngine, speech_home: Path) -> None:
    with pytest.raises(InvalidValue) as caught:
        speech_engine.check(transcription(speech_home, b"not a recording"))
    assert caught.value.failure.param == "file"
    with pytest.raises(InvalidValue):
        speech_engine.check(chat("hi"))

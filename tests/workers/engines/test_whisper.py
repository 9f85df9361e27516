"""Whisper on recordings: windows of all of them together, each heard as it would be alone."""

from __future__ import annotations

import io
import json
import re
import threading
import tracemalloc
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxq.settings import Settings
from tasks.stored.blobs import BlobStore
from tasks.values import events
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import InvalidValue, JobCancelled, ModelNotFound, NotFound
from tasks.values.events import Done, Event, Failed, Progress, Recording, Segment
from tasks.values.job import Job, Lane
from tasks.values.messages import Message
from tasks.values.requests import ChatRequest, Payload, TranscriptionRequest
from tests.support import recordings, starter
from tests.support.rounds import rounds
from tests.support.servers import PATIENCE
from tests.workers.engines.speech import tiny
from workers.engine import Prepared
from workers.engines.speech import passages
from workers.engines.speech.plan import TEMPERATURES, Plan
from workers.engines.whisper import WhisperEngine
from workers.media import audio
from workers.serving.check_deadline import CheckDeadline

import mlx_whisper  # isort: skip - after the engine, which brings OpenBLAS

Samples = np.ndarray[Any, np.dtype[np.float32]]
PROMPT = "Sense and Sensibility, by Jane Austen."
RATE = 16_000
FASTER_WHISPER = Path(__file__).parent / "speech" / "faster_whisper_words.json"


def job(payload: Payload, lane: Lane = Lane.INTERACTIVE, endpoint: str = "/v1/audio/transcriptions") -> Job:
    return Job(
        id="job_1",
        owner="anonymous",
        model="tiny",
        endpoint=endpoint,
        payload=payload,
        created=0,
        deadline=1,
        lane=lane,
        keep=60,
    )


def samples(path: Path) -> Samples:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / np.float32(32768)


def noise(seconds: float, seed: int = 0) -> Samples:
    """Something to hear for a model that understands nothing."""
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


class Listener:
    """An engine, and the blobs that it reads."""

    def __init__(self, engine: WhisperEngine, blobs: BlobStore) -> None:
        self.engine, self.blobs = engine, blobs

    def prepare(self, audio: Samples, lane: Lane = Lane.INTERACTIVE, **fields: Any) -> Prepared[Plan]:
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(np.round(np.clip(audio, -1, 0.9999) * 32768).astype(np.int16).tobytes())
        ref = self.blobs.put(file.getvalue(), "audio/wav")
        return self.engine.prepare(job(TranscriptionRequest(ref, **fields), lane))

    def admit(self, row: str, audio: Samples, *, decoded: bool = True, **fields: Any) -> None:
        self.engine.admit(row, self.prepare(audio, **fields))
        if decoded:
            self.engine._decoding[row].result()

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
def babble(speech_settings: Settings) -> Listener:
    """A listener that says something in every window, and nothing of sense: 16 tokens, at one temperature."""
    blobs = BlobStore(speech_settings.home / "blobs")
    return Listener(WhisperEngine(tiny.model(context=32), blobs, slots=4, longest=600), blobs)


@pytest.fixture
def polyglot(speech_settings: Settings) -> Listener:
    """As that, in a hundred languages."""
    blobs = BlobStore(speech_settings.home / "blobs")
    return Listener(WhisperEngine(tiny.model(tiny.MULTILINGUAL, context=32), blobs, slots=4, longest=600), blobs)


@pytest.fixture(scope="module")
def sentences() -> list[tuple[Samples, str]]:
    return [(samples(path), words) for path, words in recordings.librivox()]


@pytest.fixture(scope="module")
def long(sentences: list[tuple[Samples, str]]) -> Samples:
    """About 35 seconds, which is longer than a window."""
    return np.concatenate([audio for audio, _ in [*sentences, *sentences[:2]]])


@pytest.fixture(scope="module")
def together(listener: Listener, long: Samples, sentences: list[tuple[Samples, str]]) -> list[tuple[str, Event]]:
    """What all sentences and the long recording give that run at once, with the times of words."""
    listener.admit("long", long, prompt=PROMPT, words=True)
    for number, (sentence, _) in enumerate(sentences):
        listener.admit(str(number), sentence, words=True, logprobs=True)
    return list(listener.run(rows=1 + len(sentences)))


def of(row: str, produced: list[tuple[str, Event]]) -> list[Event]:
    return [event for name, event in produced if name == row]


def segments(found: list[Event]) -> list[Segment]:
    return [event for event in found if isinstance(event, Segment)]


def words(found: list[Event]) -> str:
    text = "".join(segment.text for segment in segments(found)).lower()
    return " ".join(re.sub(r"[^a-z ]", " ", text).split())


def test_real_speech_is_understood(together: list[tuple[str, Event]], sentences: list[tuple[Samples, str]]) -> None:
    heard = [words(of(str(number), together)) for number in range(len(sentences))]
    assert jiwer.wer([said for _, said in sentences], heard) <= 0.08
    said = " ".join(words for _, words in [*sentences, *sentences[:2]])
    assert jiwer.wer(said, words(of("long", together))) <= 0.09


def test_a_recording_heard_as_a_whole_is_heard_as_by_the_reference_loop(listener: Listener, long: Samples) -> None:
    found = segments(listener.hear(long, prompt=PROMPT, sequential=True))
    folder = str(starter.folder("whisper-tiny.en"))
    expected = mlx_whisper.transcribe(long, path_or_hf_repo=folder, fp16=False, initial_prompt=PROMPT)
    told = [segment for segment in expected["segments"] if segment["text"]]
    assert [segment.text for segment in found] == [segment["text"] for segment in told]
    assert [segment.start for segment in found] == pytest.approx([segment["start"] for segment in told])
    assert [segment.end for segment in found] == pytest.approx([segment["end"] for segment in told])
    assert [segment.avg_logprob for segment in found] == pytest.approx(
        [segment["avg_logprob"] for segment in told], abs=0.01
    )
    assert [segment.seek for segment in found] == [segment["seek"] for segment in told]
    assert "".join(segment.text for segment in found) == expected["text"]


def test_words_are_where_faster_whisper_hears_them(
    together: list[tuple[str, Event]], sentences: list[tuple[Samples, str]]
) -> None:
    known = json.loads(FASTER_WHISPER.read_text())["recordings"]
    compared = 0
    for number, (path, _) in enumerate(recordings.librivox()):
        found = segments(of(str(number), together))
        ours = [word for segment in found for word in segment.words]
        assert "".join(word.word for word in ours) == "".join(segment.text for segment in found)
        theirs = known[path.stem]
        if [word.word for word in ours] != [word["word"] for word in theirs]:
            continue  # another word was heard
        compared += 1
        for word, other in zip(ours, theirs, strict=True):
            assert (word.start, word.end) == pytest.approx((other["start"], other["end"]), abs=0.2), word.word
    assert compared >= 4


def test_words_follow_each_other_within_their_segments(together: list[tuple[str, Event]]) -> None:
    for segment in segments([event for _, event in together]):
        times = [time for word in segment.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert (segment.start, segment.end) == (times[0], times[-1])
        assert all(0 <= word.probability <= 1 for word in segment.words)


def test_every_token_of_a_text_has_its_probability(together: list[tuple[str, Event]]) -> None:
    for segment in segments(of("0", together)):
        assert "".join(token.token for token in segment.logprobs) == segment.text
        assert all(token.logprob is not None and token.logprob <= 0 for token in segment.logprobs)


def test_the_recording_comes_first_and_progress_ends_at_the_whole(
    together: list[tuple[str, Event]], long: Samples
) -> None:
    found = of("long", together)
    seconds, frames = len(long) / RATE, -(-len(long) // 160)
    assert found[0] == Recording(seconds, "en", "english")
    done = found[-1]
    assert isinstance(done, Done) and done.usage.seconds == seconds
    assert done.usage.completion_tokens == sum(len(segment.tokens) for segment in segments(found))
    told = [event.done for event in found if isinstance(event, Progress)]
    assert len(told) >= 2
    assert (sorted(told), told[-1]) == (told, frames)


def test_silence_has_no_words(listener: Listener) -> None:
    assert not segments(listener.hear(np.zeros(RATE * 3, np.float32)))


def test_without_silence_only_speech_is_heard(
    listener: Listener, sentences: list[tuple[Samples, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    audio, said = sentences[1]
    quiet = np.zeros(40 * RATE, np.float32)
    encode, encoded = listener.engine._network.encode, list[Any]()
    monkeypatch.setattr(listener.engine._network, "encode", lambda mel: encoded.append(mel) or encode(mel))
    found = listener.hear(np.concatenate([quiet, audio, quiet]), skip_silence=True)
    assert jiwer.wer(said, words(found)) <= 0.3
    assert len(encoded) == 1
    first, last = segments(found)[0], segments(found)[-1]
    assert 39 < first.start < last.end < 41 + len(audio) / RATE


lengths = st.lists(st.sampled_from([0.4, 3.0, 29.0, 31.0, 70.0]), min_size=2, max_size=3)


@settings(max_examples=rounds(2, 100), deadline=None)
@given(lengths, st.booleans())
def test_together_every_recording_is_heard_as_alone(babble: Listener, several: list[float], sampled: bool) -> None:
    temperature = 0.7 if sampled else 0.0
    made = [(f"row {number}", noise(seconds, number)) for number, seconds in enumerate(several)]
    alone = {row: babble.hear(recording, temperature=temperature) for row, recording in made}
    for row, recording in made:
        babble.admit(row, recording, temperature=temperature)
    produced = list(babble.run(rows=len(made)))
    for row, found in alone.items():
        assert heard(of(row, produced)) == heard(found)


def heard(found: list[Event]) -> list[tuple[Any, ...]]:
    """What was heard, but for the last digits of its numbers."""
    return [
        (event.start, event.end, event.text, event.tokens, event.temperature)
        if isinstance(event, Segment)
        else (event,)
        for event in found
    ]


def test_each_step_is_a_token_of_every_window_and_the_ladder_takes_single_ones(
    babble: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = babble.engine
    join, step, begun, steps = engine._decoder.join, engine._decoder.step, list[float](), list[int]()
    stubborn = noise(2, 0).size

    def joined(tries: Any) -> Any:
        begun.extend(one.temperature for one in tries)
        return join(tries)

    def stepped() -> Any:
        before = {one: len(one.said) for one in engine._tries}
        found = step()
        steps.append(len(before))
        assert all(len(one.said) == count + 1 for one, count in before.items())
        return found

    def failing(self: Any, outcome: Any, temperatures: Any) -> bool:
        self.attempt = None
        if self.stretch.end * 160 == stubborn and self.tried + 1 < len(temperatures):
            self.tried += 1
            return True
        return False

    monkeypatch.setattr(engine._decoder, "join", joined)
    monkeypatch.setattr(engine._decoder, "step", stepped)
    monkeypatch.setattr(passages.Passage, "fails", failing)
    babble.admit("stubborn", noise(2, 0))
    babble.admit("easy", noise(3, 1))
    list(babble.run(rows=2))
    assert sorted(begun) == sorted([*TEMPERATURES, 0.0])
    assert max(steps) == 2 and steps[-1] == 1


def test_people_come_before_bulk_and_bulk_leaves_a_place(speech_settings: Settings) -> None:
    blobs = BlobStore(speech_settings.home / "blobs")
    listener = Listener(WhisperEngine(tiny.model(context=32), blobs, slots=8, longest=600), blobs)
    listener.admit("bulk", noise(230), lane=Lane.BATCH, temperature=0.5)
    listener.engine.step()
    for _ in range(7):
        listener.engine.step()
    assert len(listener.engine._tries) <= 7
    listener.admit("person", noise(2), temperature=0.5)
    produced = list(listener.engine.step())
    assert any(name == "person" for name, _ in listener.engine._tries.values())
    while not any(row == "person" and isinstance(event, Done) for row, event in produced):
        produced += listener.engine.step()
    assert not any(isinstance(event, Done) for event in of("bulk", produced))
    listener.engine.drop("bulk")


def test_a_paused_recording_goes_on_where_it_was(babble: Listener) -> None:
    recording = noise(70, 5)
    whole = babble.hear(recording, temperature=0.5)
    babble.admit("row", recording, temperature=0.5)
    produced: list[tuple[str, Event]] = []
    while len(babble.engine._decoder) < 2:
        produced += babble.engine.step()
    assert babble.engine.pause("row")
    assert not babble.engine._tries and len(babble.engine._decoder) == 0
    babble.engine.resume("row")
    produced += babble.run()
    assert heard(of("row", produced)) == heard(whole)


@pytest.mark.parametrize("sequential", [False, True])
def test_a_recording_that_was_broken_off_goes_on_behind_its_last_window(
    babble: Listener, sequential: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = noise(100, 7)
    whole = babble.hear(recording, sequential=sequential, temperature=0.5)
    places = [at for at, event in enumerate(whole) if isinstance(event, Progress)]
    encode, encoded = babble.engine._network.encode, list[int]()
    monkeypatch.setattr(babble.engine._network, "encode", lambda mel: encoded.append(len(mel)) or encode(mel))
    prepared = babble.engine.resumed(
        babble.prepare(recording, sequential=sequential, temperature=0.5), whole[: places[1] + 1]
    )
    babble.engine.admit("row", prepared)
    found = [event for _, event in babble.run()]
    assert heard([one for one in found if not isinstance(one, (Progress, Recording))]) == heard(
        [one for one in whole if not isinstance(one, (Progress, Recording))]
    )
    assert sum(encoded) == len(places) - 2
    done = [event.done for event in found if isinstance(event, Progress)]
    assert done == [event.done for event in whole if isinstance(event, Progress)][1:]


def test_what_was_told_before_the_first_window_begins_anew(babble: Listener) -> None:
    prepared = babble.prepare(noise(2))
    assert babble.engine.resumed(prepared, []) == prepared
    assert babble.engine.resumed(prepared, [Recording(2.0, "en", "english")]) == prepared


def test_a_row_dropped_midway_says_no_more_and_the_other_goes_on(babble: Listener) -> None:
    alone = babble.hear(noise(3, 1), temperature=0.5)
    babble.admit("gone", noise(100), temperature=0.5)
    babble.admit("kept", noise(3, 1), temperature=0.5)
    produced: list[tuple[str, Event]] = []
    while not any(isinstance(event, Progress) for event in of("gone", produced)):
        produced += babble.engine.step()
    before = len(of("gone", produced))
    babble.engine.drop("gone")
    babble.engine.drop("unknown")
    ended = any(isinstance(event, Done) for event in of("kept", produced))
    produced += babble.run(rows=0 if ended else 1)
    assert len(of("gone", produced)) == before
    assert heard(of("kept", produced)) == heard(alone)


def test_what_breaks_in_one_row_ends_only_that_row(babble: Listener, polyglot: Listener) -> None:
    plan = polyglot.prepare(noise(2), language="en").plan
    polyglot.engine.admit("broken", Prepared(0, replace(plan, language="a language that there is not")))
    polyglot.engine.admit("whole", Prepared(0, plan))
    produced = list(polyglot.run(rows=2))
    broken = of("broken", produced)[-1]
    assert isinstance(broken, Failed)
    assert broken.failure.code == "engine_error"
    assert "Unsupported language" in broken.failure.message
    assert isinstance(of("whole", produced)[-1], Done)


def test_the_language_is_found_out_in_the_first_window_and_told(
    polyglot: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    detect, asked = polyglot.engine._detect, list[str]()
    monkeypatch.setattr(polyglot.engine, "_detect", lambda features: asked.append(detect(features)) or asked[-1])
    found = polyglot.hear(noise(70), temperature=0.5)
    assert len(asked) == 1
    recording = found[0]
    assert isinstance(recording, Recording) and recording.language == asked[0]
    features = polyglot.engine._network.encode(mel_of(polyglot, noise(70)))[0]
    code = asked[0]
    _, likely = polyglot.engine._model.detect_language(features)
    assert code == max(likely, key=likely.__getitem__)


def mel_of(listener: Listener, audio: Samples) -> Any:
    """The spectrogram of a recording's first window, as the reference makes it."""
    from mlx_whisper.audio import log_mel_spectrogram

    listener.admit("probe", audio)
    row = listener.engine._rows["probe"]
    row.collect()
    listener.engine._transform("probe", row.waiting[0])
    mel = row.waiting[0].mel
    listener.engine.drop("probe")
    size = int((np.array(mel) != 0).any(axis=1).sum())
    whole = np.array(log_mel_spectrogram(audio, 80, 480_000))[:size]
    assert np.abs(np.array(mel)[:size] - whole).max() < 0.05
    return mel[None]


def test_a_translation_needs_a_model_that_knows_languages(babble: Listener, polyglot: Listener) -> None:
    assert polyglot.prepare(noise(1), task="translate", language="de").plan.task == "translate"
    with pytest.raises(InvalidValue, match="does not translate") as refused:
        babble.prepare(noise(1), task="translate")
    assert refused.value.failure.param == "task"
    ref = babble.blobs.put(b"x", "audio/wav")
    payload = TranscriptionRequest(ref, task="translate")
    with pytest.raises(InvalidValue) as refused:
        babble.engine.prepare(job(payload, endpoint="/v1/audio/translations"))
    assert refused.value.failure.param == "model"


def test_prompt_and_hotwords_stand_before_every_window(babble: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, prefixes = babble.engine, list[tuple[int, ...]]()
    join = engine._decoder.join

    def joined(tries: Any) -> Any:
        prefixes.extend(one.prefix for one in tries)
        return join(tries)

    monkeypatch.setattr(engine._decoder, "join", joined)
    plan = babble.prepare(noise(1), prompt="Elinor", hotwords="Norland").plan
    babble.hear(noise(40), prompt="Elinor", hotwords="Norland", temperature=0.5)
    tokenizer = engine._tokenizer("en")
    shown = (*plan.hotwords, *plan.prompt)
    assert len(prefixes) >= 2
    first = [prefix for prefix in prefixes if prefix == (tokenizer.sot_prev, *shown, *tokenizer.sot_sequence)]
    assert len(first) >= 2
    prefixes.clear()
    babble.hear(noise(1), hotwords="Norland " * 50, prompt="Elinor " * 50, temperature=0.5)
    assert all(len(prefix) <= 16 + len(tokenizer.sot_sequence) for prefix in prefixes)


@pytest.mark.parametrize(("asked", "tried"), [(None, TEMPERATURES), (0.0, TEMPERATURES), (0.7, (0.7,))])
def test_a_temperature_above_0_is_the_only_one_tried(
    babble: Listener, asked: float | None, tried: tuple[float, ...]
) -> None:
    assert babble.prepare(noise(1), temperature=asked).plan.temperatures == tried


def test_a_prompt_that_looks_like_a_control_token_is_text(babble: Listener) -> None:
    assert len(babble.prepare(noise(1), prompt="<|endoftext|>").plan.prompt) > 1


@pytest.mark.parametrize(
    ("kind", "asked", "code"),
    [
        ("babble", None, "en"),
        ("babble", "English", "en"),
        ("polyglot", None, None),
        ("polyglot", "DE", "de"),
        ("polyglot", "castilian", "es"),
    ],
)
def test_a_language_is_taken_by_code_and_by_name(
    request: pytest.FixtureRequest, kind: str, asked: str | None, code: str | None
) -> None:
    checker: Listener = request.getfixturevalue(kind)
    assert checker.prepare(noise(1), language=asked).plan.language == code


@pytest.mark.parametrize(
    ("kind", "asked", "reason"),
    [
        ("babble", "de", "English only, not german"),
        ("babble", "xx", "'xx' is not a language"),
        ("polyglot", "xx", "'xx' is not a language"),
        ("polyglot", "yue", "'yue' is not a language"),  # known from large-v3 on
    ],
)
def test_a_language_that_the_model_lacks_is_refused(
    request: pytest.FixtureRequest, kind: str, asked: str, reason: str
) -> None:
    checker: Listener = request.getfixturevalue(kind)
    with pytest.raises(InvalidValue, match=reason) as refused:
        checker.prepare(noise(1), language=asked)
    assert refused.value.failure.param == "language"


def test_what_is_no_transcription_is_refused(babble: Listener) -> None:
    with pytest.raises(ModelNotFound, match="only transcribes"):
        babble.engine.prepare(job(ChatRequest((Message("user", "hello"),))))
    with pytest.raises(NotFound):
        babble.engine.prepare(job(TranscriptionRequest(BlobRef("0" * 64, 1, "audio/wav"))))


def test_a_recording_over_the_models_bound_is_refused(babble: Listener) -> None:
    with pytest.raises(InvalidValue, match="longer than the 600 seconds"):
        babble.prepare(np.zeros(601 * RATE, np.float32))


def test_what_waits_is_not_decoded(babble: Listener) -> None:
    """However many recordings are checked, they take no memory until their turn has come."""
    audio = noise(35)
    babble.prepare(audio)
    tracemalloc.start()
    waiting = [babble.prepare(audio) for _ in range(8)]
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(waiting) == 8 and kept < audio.nbytes


def test_a_long_recording_is_decoded_to_the_disk(babble: Listener) -> None:
    """Its samples as floats would take 10 MB, and what is in memory does not grow with them."""
    prepared = babble.prepare(np.zeros(150 * RATE, np.float32), skip_silence=True)
    tracemalloc.start()
    babble.engine.admit("row", prepared)
    found = [event for _, event in babble.run()]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(found[-1], Done) and not segments(found)
    assert most < 5_000_000


def test_rows_go_on_while_another_is_decoded(babble: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces, free = audio.pieces, threading.Event()
    alone = {seconds: babble.hear(noise(seconds), temperature=0.5) for seconds in (2, 3)}

    def held(file: Any, longest: float, deadline: CheckDeadline) -> Iterator[Samples]:
        for piece in pieces(file, longest, deadline):
            if threading.current_thread().name.startswith("decode") and file.seek(0, 2) < 2.5 * RATE * 2:
                assert free.wait(PATIENCE)
            yield piece

    babble.prepare(noise(2))
    monkeypatch.setattr(audio, "pieces", lambda *arguments: whole(held(*arguments)))
    babble.admit("slow", noise(2), decoded=False, temperature=0.5)
    assert heard(babble.hear(noise(3), temperature=0.5)) == heard(alone[3])
    assert babble.engine.step() == []
    free.set()
    assert heard(of("slow", list(babble.run()))) == heard(alone[2])


def whole(pieces: Iterator[Samples]) -> Iterator[Samples]:
    """As a generator, which can be closed."""
    yield from pieces


def test_a_recording_that_breaks_when_it_is_decoded_says_so(babble: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = babble.prepare(noise(2))

    def broken(*_: object) -> Iterator[Samples]:
        yield noise(1)
        raise InvalidValue("the recording is longer than it says", param="file")

    monkeypatch.setattr(audio, "pieces", broken)
    babble.engine.admit("row", prepared)
    event = [event for _, event in babble.run()][-1]
    assert isinstance(event, Failed)
    assert (event.failure.code, event.failure.param) == ("invalid_value", "file")


def test_a_recording_that_nobody_wants_any_more_is_not_decoded_to_its_end(
    babble: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up = threading.Event()
    prepared = babble.prepare(noise(2))

    def endless(file: Any, longest: float, deadline: CheckDeadline) -> Iterator[Samples]:
        try:
            while True:
                deadline.look()
                yield noise(0.01)
        except JobCancelled:
            given_up.set()
            raise

    monkeypatch.setattr(audio, "pieces", endless)
    babble.engine.admit("gone", prepared)
    assert babble.engine.step() == []
    babble.engine.drop("gone")
    assert given_up.wait(PATIENCE)

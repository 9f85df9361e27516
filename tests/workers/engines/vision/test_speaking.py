"""Answers that are spoken: what mlx-vlm's own talker says, a frame at a time, beside whatever else is answered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlxq.entries.lm import LmEntry
from mlxq.settings import Settings
from tasks.stored.blobs import BlobStore
from tasks.values import events
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import InvalidValue, UnsupportedParameter
from tasks.values.events import AudioChunk, Event
from tasks.values.job import Job
from tasks.values.requests import AudioOutput, Tool, ToolChoice
from tests.workers.engines.rows import Batch, chat, run
from tests.workers.engines.text import tiny as text
from tests.workers.engines.vision import trial, zoo
from tests.workers.engines.vision.asking import Part, kept
from tests.workers.engines.vision.trial import asked, load

import mlx.core as mx  # isort: skip

from workers.engines import lm  # isort: skip
from workers.engines.vision.speakers import qwen3_omni_moe  # isort: skip
from workers.engines.vision.speakers.qwen3_omni_moe import Talker  # isort: skip
from workers.engines.vision.speaking import SpeakingEngine  # isort: skip

FRAMES = 30
PCM = AudioOutput("pcm", seed=1)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("omni")


@pytest.fixture(scope="module")
def blobs(root: Path) -> BlobStore:
    return BlobStore(root / "home" / "blobs")


@pytest.fixture(scope="module")
def loaded(root: Path) -> SpeakingEngine:
    engine = load(zoo.save(root / "model", "qwen3_omni_moe"), root / "home")
    assert isinstance(engine, SpeakingEngine)
    speaker: Any = engine._speaker
    last = speaker._model.code2wav.decoder[-1].conv  # random weights whisper
    last.weight = last.weight * 100
    return engine


@pytest.fixture
def engine(loaded: SpeakingEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[SpeakingEngine]:
    """One whose answers last a bit over two seconds, because nothing random ends them."""
    monkeypatch.setattr(qwen3_omni_moe, "_FRAMES", FRAMES)
    speaker: Any = loaded._speaker
    monkeypatch.setattr(speaker._talker.config, "codec_eos_token_id", -1)
    yield loaded
    assert not loaded._speeches and not loaded._tasks


@pytest.fixture
def refs(blobs: BlobStore) -> list[BlobRef]:
    return kept(blobs, *trial.IMAGES)


def spoken(*parts: Part, audio: AudioOutput = PCM, **options: Any) -> Job:
    return asked(*parts, **{"audio": audio, "max_tokens": 12, **options})


def sound(blobs: BlobStore, heard: Sequence[Event]) -> bytes:
    return b"".join(blobs.read(event.blob) for event in heard if isinstance(event, AudioChunk))


def theirs(engine: SpeakingEngine, job: Job, answer: str, monkeypatch: pytest.MonkeyPatch) -> np.ndarray[Any, Any]:
    """What mlx-vlm's `generate_stream` says to a prompt when the answer is this one, float32 samples."""
    speaker: Any = engine._speaker
    model, prepared = speaker._model, engine.prepare(job)
    plan = prepared.plan
    shown = {} if plan.media is None else trial_inputs(engine, job)
    ids = mx.array([plan.prompts[0]])
    layer = model.config.talker_config.accept_hidden_layer
    model.thinker.language_model._rope_deltas = model.thinker.language_model._position_ids = None
    _, states, embeddings = model._generate_thinker_with_hidden_states(
        ids, target_layer_idx=layer, thinker_max_new_tokens=1, thinker_eos_token_id=-1, **shown
    )
    said = mx.array([engine._prompts.encode(answer, special=False)])
    told = model.thinker.language_model.model.embed_tokens(said)
    length = ids.shape[1]
    thought = (
        mx.concatenate([ids, said], axis=1),
        mx.concatenate([states[:, :length], mx.zeros_like(told)], axis=1),
        mx.concatenate([embeddings[:, :length], told], axis=1),
    )
    with monkeypatch.context() as patch:
        patch.setattr(type(model), "_generate_thinker_with_hidden_states", lambda *_, **__: thought)
        pieces = list(
            model.generate_stream(
                ids,
                speaker="Aiden",
                talker_temperature=0.0,
                talker_max_new_tokens=FRAMES,
                chunk_size=50,
                left_context_size=25,
            )
        )
    return np.concatenate([np.array(piece).reshape(-1) for kind, piece in pieces if kind == "audio"])


def trial_inputs(engine: SpeakingEngine, job: Job) -> dict[str, Any]:
    """What the processor makes of what a job shows, as mlx-vlm's own calls take it."""
    reader: Any = engine._prompts._reader  # type: ignore[attr-defined]
    made = reader._processor(text=[trial.text(engine, job)], images=[trial.IMAGES[0]])
    return {name: mx.array(made[name]) for name in ("pixel_values", "image_grid_thw")}


@pytest.mark.parametrize("shows", [False, True], ids=["text", "an image"])
def test_an_answer_is_spoken_as_mlx_vlm_speaks_it(
    shows: bool, engine: SpeakingEngine, blobs: BlobStore, refs: list[BlobRef], monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker: Any = engine._speaker
    monkeypatch.setattr(engine, "_speaker", Talker(speaker._model, speaker._language, {"temperature": 0.0}))
    job = spoken("Look: ", *(refs[:1] if shows else []), " what?", audio=AudioOutput("pcm", 0, "aiden"))
    batch = run(engine, job)
    ours = np.frombuffer(sound(blobs, batch.heard["0"]), "<i2") / 32768
    expected = theirs(engine, job, batch.text("0"), monkeypatch)
    assert expected.std() > 0.02 and len(ours) == FRAMES * 1920
    assert np.abs(ours - expected[: len(ours)]).max() < 1e-3


def test_an_image_is_heard_of(engine: SpeakingEngine, blobs: BlobStore, refs: list[BlobRef]) -> None:
    words: dict[str, Any] = {"logit_bias": ((97, 100.0),), "max_tokens": 4}  # so that what is said is the same
    first, second = (run(engine, spoken("Look: ", ref, **words)) for ref in refs[:2])
    assert first.text("0") == second.text("0")
    assert sound(blobs, first.heard["0"]) != sound(blobs, second.heard["0"])


def test_text_comes_first_then_audio_then_the_end(engine: SpeakingEngine) -> None:
    heard = run(engine, spoken("Hi.")).heard["0"]
    kinds = [type(event).__name__ for event in heard if not isinstance(event, events.Progress)]
    silent = [event for event in heard if isinstance(event, events.Delta)]
    assert kinds == ["Delta"] * (len(silent) - 1) + ["AudioChunk"] * 2 + ["Delta", "Done"]
    assert [event.finish_reason for event in silent] == [None] * (len(silent) - 1) + ["length"]


def test_usage_counts_the_audio(engine: SpeakingEngine) -> None:
    batch, written = run(engine, spoken("Hi.")), run(engine, asked("Hi.", max_tokens=12))
    usage = batch.usage("0")
    assert usage.seconds == pytest.approx(FRAMES * 0.08)
    assert usage.audio_tokens == FRAMES * 4
    assert usage.completion_tokens == written.usage("0").completion_tokens + usage.audio_tokens
    assert batch.text("0") == written.text("0")


def test_a_seed_gives_the_same_audio_whoever_is_answered_beside_it(engine: SpeakingEngine, blobs: BlobStore) -> None:
    jobs = [spoken("One."), asked("Two.", max_tokens=60), spoken("Three.", audio=AudioOutput("pcm", 2))]
    alone = [sound(blobs, run(engine, job).heard["0"]) for job in jobs]
    together = run(engine, *jobs)
    assert [sound(blobs, together.heard[str(at)]) for at in range(3)] == alone
    assert alone[0] != alone[2] and alone[1] == b""
    other = run(engine, spoken("One.", audio=AudioOutput("pcm", 3)))
    assert sound(blobs, other.heard["0"]) != alone[0]


def test_voices_differ_and_are_known_by_name_however_it_is_written(engine: SpeakingEngine, blobs: BlobStore) -> None:
    said = {
        voice: sound(blobs, run(engine, spoken("Hi.", audio=AudioOutput("pcm", 1, voice))).heard["0"])
        for voice in (None, "chelsie", "Chelsie", "ethan")
    }
    assert said[None] == said["chelsie"] == said["Chelsie"] != said["ethan"]
    assert engine.details.voices == ("chelsie", "ethan", "aiden")


def test_a_voice_that_there_is_not(engine: SpeakingEngine) -> None:
    with pytest.raises(InvalidValue, match="chelsie, ethan, aiden") as refusal:
        engine.prepare(spoken("Hi.", audio=AudioOutput("pcm", 1, "alloy")))
    assert refusal.value.failure.param == "audio.voice"


def step_until_audio(batch: Batch, name: str) -> None:
    while not any(isinstance(event, AudioChunk) for event in batch.heard[name]):
        batch.step()


@pytest.mark.parametrize("speaking", [False, True])
def test_a_row_that_pauses_goes_on_where_it_was(speaking: bool, engine: SpeakingEngine, blobs: BlobStore) -> None:
    job = spoken("Hi.")
    whole = run(engine, job)
    batch = Batch(engine)
    batch.admit("0", job)
    if speaking:
        step_until_audio(batch, "0")
    else:
        batch.step()
    assert engine.pause("0")
    told = len(batch.heard["0"])
    batch.admit("1", asked("Meanwhile.", max_tokens=4))
    while not batch.ended("1"):
        batch.step()
    assert len(batch.heard["0"]) == told
    engine.resume("0")
    batch.run()
    assert sound(blobs, batch.heard["0"]) == sound(blobs, whole.heard["0"])


def test_a_row_that_is_dropped_says_no_more(engine: SpeakingEngine) -> None:
    batch = Batch(engine)
    batch.admit("0", spoken("Hi."))
    step_until_audio(batch, "0")
    batch.drop("0")
    assert engine.step() == []


def test_what_cannot_be_spoken_ends_alone(engine: SpeakingEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    speaker: Any = engine._speaker

    def broken(speakable: Any) -> Iterator[None]:
        yield None
        raise RuntimeError("no voice today")

    monkeypatch.setattr(speaker, "speak", broken)
    batch = run(engine, spoken("Hi."), asked("Hi.", max_tokens=40))
    failed = batch.heard["0"][-1]
    assert isinstance(failed, events.Failed) and "no voice today" in failed.failure.message
    assert isinstance(batch.heard["1"][-1], events.Done)


def test_an_answer_without_words_is_not_spoken(engine: SpeakingEngine) -> None:
    tool = Tool("look", "", {"type": "object", "properties": {"at": {"type": "string", "maxLength": 4}}})
    calling = chat(
        "Call.", tools=(tool,), tool_choice=ToolChoice("required"), max_tokens=200, temperature=1.0, seed=1, audio=PCM
    )
    batch = run(engine, calling)
    assert not any(isinstance(event, AudioChunk) for event in batch.heard["0"])
    assert batch.reason("0") == "tool_calls" and batch.usage("0").audio_tokens == 0


def test_a_model_whose_files_have_no_talker_only_writes(root: Path, loaded: SpeakingEngine) -> None:
    folder = zoo.save(root / "silent", "qwen3_omni_moe")
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "enable_audio_output": False}))
    weights: Any = mx.load(str(folder / "model.safetensors"))
    thinking = {name: array for name, array in weights.items() if name.startswith("thinker.")}
    mx.save_safetensors(str(folder / "model.safetensors"), thinking)
    refuses(load(folder, root / "home"))


def test_a_model_of_text_only_writes(root: Path) -> None:
    folder = text.save(root / "text", text.model(heads=2))
    refuses(lm.load(LmEntry(model_path=str(folder), served_model_name="tiny"), Settings(home=root / "home")))


def refuses(engine: Any) -> None:
    with pytest.raises(UnsupportedParameter) as refusal:
        engine.prepare(chat("Hi.", audio=PCM))
    assert refusal.value.failure.param == "modalities"
    assert [type(event) for event in run(engine, chat("Hi.")).heard["0"]][-1] is events.Done

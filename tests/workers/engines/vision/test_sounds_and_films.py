"""What models hear and watch: the same as mlx-vlm gives them, in the same batch, and refused when it is broken."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlxq.entries.multimodal import MultimodalEntry
from mlxq.settings import Settings
from tasks.stored.blobs import BlobStore
from tasks.values import events
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import InvalidValue
from tests.workers.engines.rows import Batch, run
from tests.workers.engines.vision import reference, tiny
from tests.workers.engines.vision.asking import Part, film, kept, look, noise, sound
from workers.media import audio
from workers.media.video import VideoLimits, open_video

from workers.engines import multimodal  # isort: skip
from workers.engines.lm import TextEngine  # isort: skip
from mlx_vlm.utils import VideoMetadata  # isort: skip

SOUNDS = [sound(1), sound(2, 0.9)]
FILMS = [film(3), film(4, 1.0, 48, 64)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {family: tiny.save(root / family, family) for family in tiny.WATCHING}


def load(folder: Path, home: Path, **keys: Any) -> TextEngine:
    return multimodal.load(
        MultimodalEntry(model_path=str(folder), served_model_name="tiny", **keys), Settings(home=home)
    )


@pytest.fixture(scope="module")
def engines(folders: Mapping[str, Path], home: Path) -> Mapping[str, TextEngine]:
    return {family: load(folder, home) for family, folder in folders.items()}


@pytest.fixture(scope="module")
def sounds(home: Path) -> list[tuple[str, BlobRef]]:
    return [("audio", BlobStore(home / "blobs").put(data, "audio/wav")) for data in SOUNDS]


@pytest.fixture(scope="module")
def films(home: Path) -> list[tuple[str, BlobRef]]:
    return [("video", BlobStore(home / "blobs").put(data, "video/mp4")) for data in FILMS]


def logprobs(engine: TextEngine, *parts: Part) -> tuple[str, list[float | None]]:
    """What the template makes of these parts, and the log probabilities of the likeliest answer."""
    asked = look(*parts, logprobs=0, max_tokens=reference.STEPS, logit_bias=reference.BIASED)
    deltas = [event for event in run(engine, asked).heard["0"] if isinstance(event, events.Delta)]
    text = engine._prompts._rendered(asked.payload, (), answer=True)  # type: ignore[arg-type]
    return text, [logprob.logprob for delta in deltas for logprob in delta.logprobs or ()]


@pytest.mark.parametrize("number", [0, 1])
def test_a_model_hears_what_mlx_vlm_makes_it_hear(
    number: int, folders: Mapping[str, Path], engines: Mapping[str, TextEngine], sounds: list[Part]
) -> None:
    text, found = logprobs(engines["gemma4"], "Listen: ", sounds[number], " What was it?")
    heard = audio.decode(io.BytesIO(SOUNDS[number]), 5)
    assert found == pytest.approx(reference.logprobs(folders["gemma4"], text, audio=[heard]), abs=1e-3)


@pytest.mark.parametrize("family", tiny.WATCHING)
def test_a_model_watches_what_mlx_vlm_makes_it_watch(
    family: str, folders: Mapping[str, Path], engines: Mapping[str, TextEngine], films: list[Part]
) -> None:
    text, found = logprobs(engines[family], "Watch: ", films[0], " What happens?")
    watched = open_video(io.BytesIO(FILMS[0]), "", VideoLimits())
    shown: dict[str, Any] = {"videos": [watched.frames], "fps": [watched.rate]}
    if family == "qwen3_vl":  # whose processor is told when each frame is, as mlx-vlm's `prepare_inputs` does
        count = len(watched.frames)
        shown["video_metadata"] = [VideoMetadata(count, watched.rate, list(range(count)))]
    assert found == pytest.approx(reference.logprobs(folders[family], text, **shown), abs=1e-3)


@pytest.mark.parametrize("family", ["qwen2_vl", "qwen2_5_vl"])
def test_pictures_and_films_of_one_prompt_keep_their_order(
    family: str, folders: Mapping[str, Path], engines: Mapping[str, TextEngine], films: list[Part], home: Path
) -> None:
    (ref,) = kept(BlobStore(home / "blobs"), noise(1))
    engine = engines[family]
    first = engine.prepare(look("First ", films[0], " then ", ref)).plan.media
    second = engine.prepare(look("First ", ref, " then ", films[0])).plan.media
    assert first is not None and second is not None and first.key != second.key
    assert run(engine, look(films[1], "or", ref, "or", films[0])).usage("0").completion_tokens > 0


def test_in_a_mixed_batch_every_answer_is_what_it_is_alone(
    folders: Mapping[str, Path], home: Path, sounds: list[Part], films: list[Part]
) -> None:
    engine = load(folders["gemma4"], home, prompt_cache_size=0)
    pictures = kept(BlobStore(home / "blobs"), noise(1), noise(2, 30, 64))
    jobs = [
        look("Only text, and much of it. " * 5),
        look("Hear: ", sounds[0], "and", sounds[1]),
        look("Watch: ", films[0], temperature=1.0, seed=4),
        look("All: ", pictures[0], sounds[1], films[1], pictures[1], "?", temperature=1.0, seed=5),
        look("See: ", pictures[0]),
    ]
    alone = [run(engine, asked).text("0") for asked in jobs]
    together = run(engine, *jobs)
    assert [together.text(str(number)) for number in range(len(jobs))] == alone
    assert len(set(alone)) == len(alone)


def test_others_speak_while_a_film_is_watched_frame_by_frame(
    engines: Mapping[str, TextEngine], films: list[Part]
) -> None:
    engine = engines["gemma4"]
    batch = Batch(engine)
    batch.admit("text", look("Say something long.", max_tokens=40, logit_bias=reference.BIASED))
    while not batch.heard["text"]:
        batch.step()
    (decoding,) = engine._batch.rows
    batch.admit("film", look("Anew: ", films[1]))
    encoder_cache = engine._prompts._reader.encoder_cache  # type: ignore[attr-defined]
    encoder_cache._kept.clear()
    before, looks = decoding.generated, encoder_cache.looks
    for _ in range(3):  # in the first it is looked up in the prompt cache
        batch.step()
    assert (decoding.generated - before, encoder_cache.looks - looks) == (3, 2)
    batch.run()


@pytest.mark.parametrize(
    ("kind", "data", "why"),
    [
        ("audio", b"", "decoded"),
        ("audio", b"<html>no sound</html>", "decoded"),
        ("audio", sound(1)[:20], "decoded"),
        ("audio", film(1), "no audio stream"),
        ("audio", sound(1, 40), "longer than the 30 seconds"),
        ("audio", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "decoded"),
        ("video", b"", "decoded"),
        ("video", b"<html>no film</html>", "decoded"),
        ("video", film(1)[:200], "decoded"),
        ("video", sound(1), "no video stream"),
        ("video", film(1, 3, 16, 16, 1)[:-300], "decoded"),
        ("video", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n", "decoded"),
    ],
)
def test_what_cannot_be_heard_or_watched_is_refused_by_its_part(
    kind: str, data: bytes, why: str, engines: Mapping[str, TextEngine], home: Path
) -> None:
    ref = BlobStore(home / "blobs").put(data, "application/octet-stream")
    budget = engines["gemma4"]._prompts._media_loader.budget  # type: ignore[attr-defined]
    before = budget.free
    with pytest.raises(InvalidValue, match=why) as refusal:
        engines["gemma4"].prepare(look("Look ", (kind, ref)))
    assert refusal.value.failure.param == "messages[0].content[1]"
    assert budget.free == before, "a refusal holds no memory, for as long as anybody keeps it"


def test_a_film_is_taken_at_even_distances_within_its_limits() -> None:
    def opened(data: bytes, **limits: Any) -> Any:
        return open_video(io.BytesIO(data), "film", VideoLimits(**limits))

    whole = opened(film(1, 4.0))
    assert (whole.frames.shape, whole.frames.dtype, whole.rate) == ((8, 3, 48, 64), np.uint8, 2.0)
    few = opened(film(1, 4.0), frames=4)
    assert (len(few.frames), few.rate) == (4, 1.0)
    assert (few.frames == whole.frames[::2]).all()
    assert opened(film(1), kept=1000).frames.shape[2:] == (27, 36)
    for limits, why in (({"seconds": 1.0}, "longer than the 1 seconds"), ({"pixels": 1000}, "more than 1000 pixels")):
        with pytest.raises(InvalidValue, match=why):
            opened(film(1, 4.0), **limits)

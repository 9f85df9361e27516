"""Pictures are drawn a denoising step at a time, jobs in turn, and the same seed draws the same picture."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from tasks.stored.blobs import BlobStore
from tasks.values import events
from tasks.values.errors import ModelNotFound, StorageFull
from tests.support.jobs import chat
from tests.workers.engines.images.drawing import job, kinds, mask, photo, pictures, put, run
from workers.engines.images.engine import ImageEngine, _shown


def test_the_same_seed_draws_the_same_picture_and_another_another(flux2: ImageEngine, blobs: BlobStore) -> None:
    first, second = pictures(flux2, blobs, seed=7, n=2)
    (again,) = pictures(flux2, blobs, seed=8)
    assert first.shape == (64, 64, 3) and not np.array_equal(first, second)
    assert np.array_equal(again, second)  # picture i of a job has its seed plus i


def test_progress_counts_the_steps_of_all_pictures(flux2: ImageEngine) -> None:
    told = run(flux2, job(n=2, steps=3))
    assert [event.done for event in kinds(told, events.Progress)] == [0, 1, 2, 3, 4, 5, 6]
    assert {event.total for event in kinds(told, events.Progress)} == {6}
    assert [(event.index, event.seed, event.steps) for event in kinds(told, events.Picture)] == [(0, 7, 3), (1, 8, 3)]
    usage = told[-1].usage  # type: ignore[union-attr]
    assert (usage.prompt_tokens, usage.completion_tokens) == (5, 2 * 16)  # a token a letter; 16 pixels a token's side


def test_jobs_take_turns_and_one_that_is_dropped_takes_no_more_steps(flux2: ImageEngine) -> None:
    flux2.admit("one", flux2.prepare(job(steps=8)))
    flux2.admit("two", flux2.prepare(job(steps=2)))
    told = [flux2.step() for _ in range(6)]
    assert [step[0][0] for step in told] == ["one", "two"] * 3
    flux2.drop("one")
    (last,) = [flux2.step()]
    assert [name for name, _ in last] == ["two", "two"] and isinstance(last[-1][1], events.Done)
    assert not flux2._rows


def test_previews_are_small_jpegs_between_the_steps(flux2: ImageEngine) -> None:
    told = run(flux2, job(steps=4, previews=2, size=(320, 128)))
    shown = kinds(told, events.Preview)
    assert [(event.index, event.number) for event in shown] == [(0, 0), (0, 1)]
    for event in shown:
        image = Image.open(io.BytesIO(base64.b64decode(event.data)))
        assert image.format == "JPEG" and image.size == (160, 64)
    assert told.index(shown[-1]) < told.index(kinds(told, events.Picture)[0])


@pytest.mark.parametrize(("steps", "previews", "shown"), [(4, 3, [0, 1, 2]), (8, 1, [3]), (2, 3, [0]), (1, 3, [])])
def test_previews_are_spread_over_all_steps_but_the_last(steps: int, previews: int, shown: list[int]) -> None:
    assert _shown(range(steps), previews) == shown


@pytest.mark.parametrize(("format", "kind"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_a_file_is_of_its_format_and_holds_what_made_it(
    flux2: ImageEngine, blobs: BlobStore, format: str, kind: str
) -> None:
    told = run(flux2, job(format=format, compression=20, prompt="eine Kätzin", guidance=1.5, negative_prompt="x"))
    picture = kinds(told, events.Picture)[0]
    image = Image.open(io.BytesIO(blobs.read(picture.blob)))
    assert image.format == kind and picture.blob.type == f"image/{format}"
    raw = image.info["mlxq"] if kind == "PNG" else image.getexif().get_ifd(0x8769)[0x9286][8:]
    assert json.loads(raw) == {
        "model": "m",
        "prompt": "eine Kätzin",
        "negative_prompt": "x",
        "seed": 7,
        "steps": 2,
        "guidance_scale": 1.5,
        "size": "64x64",
    }


def test_an_edit_sees_its_pictures(flux2_edit: ImageEngine, blobs: BlobStore) -> None:
    red, blue = put(blobs, photo(), photo(colour="blue"))
    (one,), (same,), (other,), (both,) = (
        pictures(flux2_edit, blobs, images=images) for images in ((red,), (red,), (blue,), (red, blue))
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other) and not np.array_equal(one, both)


def test_an_edit_is_as_large_as_its_picture_unless_it_is_told(flux2_edit: ImageEngine, blobs: BlobStore) -> None:
    (tall,) = put(blobs, photo(70, 130))
    (found,) = pictures(flux2_edit, blobs, images=(tall,), size=None)
    assert found.shape == (128, 64, 3)


def test_an_edit_within_a_mask_leaves_the_rest_alone(qwen_edit: ImageEngine, blobs: BlobStore) -> None:
    picture, covering = put(blobs, photo(), mask())
    (found,) = pictures(qwen_edit, blobs, images=(picture,), mask=covering)
    (original,) = (np.asarray(Image.open(io.BytesIO(photo()))).astype(int),)
    assert np.abs(found[:, 34:] - original[:, 34:]).max() <= 1
    assert np.abs(found[:, :30] - original[:, :30]).mean() > 20


@pytest.mark.parametrize("format", ["png", "webp"])
def test_a_background_stays_transparent_where_that_is_asked(
    qwen_edit: ImageEngine, blobs: BlobStore, format: str
) -> None:
    images = put(blobs, photo())

    def drawn(transparent: bool) -> Image.Image:
        told = run(qwen_edit, job(images=images, transparent=transparent, format=format))
        return Image.open(io.BytesIO(blobs.read(kinds(told, events.Picture)[0].blob)))

    clear, opaque = drawn(True), drawn(False)
    assert (clear.mode, opaque.mode) == ("RGBA", "RGB")
    assert clear.getchannel("A").getextrema()[0] < 255


def test_more_strength_keeps_more_of_a_varied_picture(flux2: ImageEngine, blobs: BlobStore) -> None:
    (picture,) = put(blobs, photo())
    told = run(flux2, job(images=(picture,), strength=0.75, steps=8))
    assert kinds(told, events.Progress)[-1].total == 2  # the last two of eight steps
    assert kinds(run(flux2, job(images=(picture,), steps=8)), events.Progress)[-1].total == 4


def test_a_chat_is_not_for_it(flux2: ImageEngine, store: object) -> None:
    with pytest.raises(ModelNotFound, match="only makes images"):
        flux2.prepare(chat(store))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("raised", "code"), [(StorageFull("no room"), "storage_full"), (RuntimeError("broken"), "engine_error")]
)
def test_what_goes_wrong_with_one_picture_ends_that_job_only(
    flux2: ImageEngine, monkeypatch: pytest.MonkeyPatch, raised: Exception, code: str
) -> None:
    def fail(*_: object) -> None:
        raise raised

    flux2.admit("bad", flux2.prepare(job(steps=1)))
    flux2.admit("good", flux2.prepare(job(steps=1)))
    told: list[tuple[str, events.Event]] = []
    monkeypatch.setattr(BlobStore, "put", fail)
    while not told or not isinstance(told[-1][1], events.TERMINAL):
        told += flux2.step()
    monkeypatch.undo()
    (name, failed) = told[-1]
    assert name == "bad" and isinstance(failed, events.Failed) and failed.failure.code == code
    while not isinstance(told[-1][1], events.Done):
        told += flux2.step()
    assert told[-1][0] == "good"

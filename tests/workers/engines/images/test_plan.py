"""What a request asks is checked against what the model takes, before anything is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tasks.stored.blobs import BlobStore
from tasks.values.errors import JobError
from tests.workers.engines.images.drawing import job, mask, photo, png, put
from workers.engines.images.plan import CHECKED_BYTES, Planner
from workers.engines.images.variants import VARIANTS
from workers.media.images import ImageLimits
from workers.serving.check_deadline import CheckDeadline


def planner(config_name: str, folder: Path) -> Planner:
    return Planner(VARIANTS[config_name], BlobStore(folder), 2048 * 2048)


def test_what_nobody_chose_is_the_model_s(tmp_path: Path) -> None:
    ask = planner("qwen-image", tmp_path).plan(job(size=None, steps=None)).ask
    assert (ask.width, ask.height, ask.steps, ask.guidance, ask.strength) == (1024, 1024, 20, 4.0, None)


@pytest.mark.parametrize(("quality", "steps"), [("low", 2), ("medium", 4), ("high", 8), (None, 4)])
def test_quality_is_a_number_of_steps(tmp_path: Path, quality: Any, steps: int) -> None:
    assert planner("flux-schnell", tmp_path).plan(job(quality=quality, steps=None)).ask.steps == steps


def test_an_edit_takes_its_size_from_its_picture_within_a_megapixel(tmp_path: Path) -> None:
    found = planner("flux-kontext-dev", tmp_path)
    (large,) = put(found.blobs, photo(3000, 1000))
    ask = found.plan(job(size=None, images=(large,))).ask
    assert (ask.width, ask.height) == (1760, 576) and ask.width * ask.height <= 1024 * 1024
    ask = planner("flux-in-context-edit", tmp_path).plan(job(size=None, images=(large,))).ask
    assert (ask.width, ask.height) == (880, 288)  # its LoRA knows no larger ones


@pytest.mark.parametrize(
    ("config_name", "asked", "param", "told"),
    [
        ("flux-dev", {"size": (100, 64)}, "size", "multiples of 16"),
        ("qwen-image-2.1", {"size": (80, 64)}, "size", "multiples of 32"),
        ("flux-dev", {"size": (48, 64)}, "size", "at least 64"),
        ("flux-dev", {"size": (4096, 2048)}, "size", "4194304 pixels at most"),
        ("flux-dev", {"steps": 201}, "steps", "from 1 to 200"),
        ("qwen-image-2.1", {"steps": 1}, "steps", "from 2 to 200"),
        ("flux-schnell", {"guidance": 2.0}, "guidance_scale", "takes no guidance"),
        ("qwen-image", {"guidance": 0.5}, "guidance_scale", "at least 1"),
        ("flux-dev", {"negative_prompt": "dogs"}, "negative_prompt", "no negative prompt"),
        ("flux2-klein-4b", {"negative_prompt": "dogs"}, "negative_prompt", "above 1 only"),
        ("flux-dev", {"strength": 0.5}, "image_strength", "needs an 'image'"),
        ("lens-turbo", {"strength": 0.5}, "image_strength", "varies no image"),
        ("flux-kontext-dev", {"pictures": 1, "strength": 0.5}, "image_strength", "varies no image"),
        ("flux-dev", {"pictures": 2}, "image", "one image at a time"),
        ("lens-turbo", {"pictures": 1}, "image", "from words only"),
        ("flux-kontext-dev", {"pictures": 2}, "image", "at most 1 images, not 2"),
        ("flux2-klein-edit-4b", {"pictures": 1, "masks": mask()}, "mask", "flux-fill-dev, fibo-edit"),
        ("flux-fill-dev", {"pictures": 1}, "mask", "send one"),
        ("flux-catvton", {"pictures": 1, "masks": mask()}, "image", "2 images: who wears it"),
        ("qwen-image-2.1-controlnet", {"pictures": 2, "size": None}, "mask", "a second image goes with a mask"),
        ("krea2-depth", {"pictures": 1, "strength": 0.5}, "image_strength", "varies no image"),
        ("flux-dev", {"transparent": True}, "background", "qwen-image-2.1"),
        ("flux-dev", {"adapter": "style"}, "adapter", "no adapter 'style'"),
        ("seedvr2-3b", {"pictures": 1, "size": None, "steps": 2}, "steps", "one step"),
        ("seedvr2-3b", {"pictures": 1, "size": (128, 64), "steps": 1}, "size", "say '64x64'"),
        ("seedvr2-3b", {"pictures": 1, "size": (4096, 4096), "steps": 1}, "size", "4194304 pixels at most"),
        ("seedvr2-3b", {"pictures": 1, "guidance": 2.0, "steps": 1}, "guidance_scale", "takes no guidance"),
        ("fibo-edit", {"pictures": 1, "masks": mask(32, 64)}, "mask", "32x64 pixels, but the image 64x64"),
        ("fibo-edit", {"pictures": 1, "masks": b"GIF?"}, "mask", "not an image"),
        ("flux2-klein-edit-4b", {"broken": b"no picture"}, "image", "not an image"),
        ("flux2-klein-edit-4b", {"broken": photo(64, 8)}, "image", "less than 16 pixels"),
    ],
)
def test_what_the_model_does_not_take_is_refused_by_name(
    tmp_path: Path, config_name: str, asked: dict[str, Any], param: str, told: str
) -> None:
    found = planner(config_name, tmp_path)
    given = dict(asked)
    if count := given.pop("pictures", 0):
        given["images"] = put(found.blobs, photo()) * count
    if broken := given.pop("broken", None):
        given["images"] = put(found.blobs, broken)
    if masks := given.pop("masks", None):
        (given["mask"],) = put(found.blobs, masks)
    with pytest.raises(JobError) as caught:
        found.plan(job(**given))
    assert caught.value.failure.param == param and told in caught.value.failure.message


def test_the_second_of_several_pictures_is_named_by_its_place(tmp_path: Path) -> None:
    found = planner("flux2-klein-edit-4b", tmp_path)
    with pytest.raises(JobError) as caught:
        found.plan(job(images=put(found.blobs, photo(), b"no picture")))
    assert caught.value.failure.param == "image[1]"


def test_a_mask_changes_what_is_transparent_or_white(tmp_path: Path) -> None:
    found = planner("fibo-edit", tmp_path)
    white = Image.new("L", (64, 64))
    white.paste(200, (0, 0, 32, 64))
    covers = [put(found.blobs, one)[0] for one in (mask(), png(white))]
    picture = put(found.blobs, photo())
    plans = [found.opened(found.plan(job(images=picture, mask=one))).mask for one in covers]
    assert all(one is not None and one.getpixel((10, 10)) == 255 and one.getpixel((50, 10)) == 0 for one in plans)


def test_a_varied_picture_is_kept_by_half(tmp_path: Path) -> None:
    found = planner("flux-dev", tmp_path)
    assert found.plan(job(images=put(found.blobs, photo()))).ask.strength == 0.5


@pytest.mark.parametrize(
    ("size", "wanted", "made"),
    [
        ((300, 200), None, (600, 400)),
        ((301, 200), None, (602, 400)),
        ((301, 203), (598, 404), (598, 404)),
        ((2000, 1500), None, (2362, 1772)),  # as large as it may be
    ],
)
def test_a_picture_is_made_twice_as_large_or_as_large_as_is_said(
    tmp_path: Path, size: tuple[int, int], wanted: tuple[int, int] | None, made: tuple[int, int]
) -> None:
    found = planner("seedvr2-3b", tmp_path)
    ask = found.plan(job(images=put(found.blobs, photo(*size)), size=wanted, steps=None)).ask
    assert ((ask.width, ask.height), ask.steps) == (made, 1)


@pytest.mark.parametrize(("strength", "control"), [(None, 0.4), (0.0, 0.0), (0.9, 0.9)])
def test_a_picture_leads_as_strongly_as_is_said(tmp_path: Path, strength: float | None, control: float) -> None:
    found = planner("flux-dev-canny", tmp_path)
    ask = found.plan(job(images=put(found.blobs, photo()), strength=strength)).ask
    assert (ask.control, ask.strength) == (control, None)


def test_the_reference_server_s_names_are_all_there() -> None:
    generation = "flux-schnell flux-dev flux-krea-dev flux2-klein-4b flux2-klein-9b qwen-image z-image-turbo fibo"
    edit = "flux-kontext-dev flux2-klein-edit-4b flux2-klein-edit-9b qwen-image-edit"
    assert not any(VARIANTS[name].edits for name in generation.split())
    assert all(VARIANTS[name].edits for name in edit.split())


def test_what_waits_is_not_opened(tmp_path: Path) -> None:
    found = planner("flux2-klein-edit-4b", tmp_path)
    plan = found.plan(job(images=put(found.blobs, photo(), photo(80, 48))))
    assert plan.ask.images == () and plan.ask.mask is None
    assert found.budget.free == CHECKED_BYTES
    assert [image.size for image in found.opened(plan).images] == [(64, 64), (80, 48)]


def test_the_pictures_of_a_request_are_bounded_together(tmp_path: Path) -> None:
    largest = ImageLimits(pixels=64 * 64)
    found = Planner(VARIANTS["flux2-klein-edit-4b"], BlobStore(tmp_path), 2048 * 2048, largest)
    pictures = put(found.blobs, *[photo(64, 64)] * 5)
    found.plan(job(images=pictures[:4]))
    with pytest.raises(JobError, match="16384 pixels together") as caught:
        found.plan(job(images=pictures))
    assert caught.value.failure.param == "image[4]"
    assert found.budget.free == CHECKED_BYTES


def test_a_small_picture_is_checked_while_large_ones_are(tmp_path: Path) -> None:
    found = planner("flux-kontext-dev", tmp_path)
    held = found.budget.hold(CHECKED_BYTES)
    assert found.plan(job(images=put(found.blobs, photo())), CheckDeadline(lambda: False)).ask.width
    held.free()

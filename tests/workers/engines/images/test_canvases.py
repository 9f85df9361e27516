"""Our loops draw what mflux's own `generate_image` draws, pixel by pixel."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mflux.models.fibo.model.fibo_text_encoder.prompt_encoder import PromptEncoder as FiboPromptEncoder
from mflux.models.krea2.model.krea2_text_encoder.prompt_encoder import Krea2PromptEncoder
from mflux.models.z_image.model.z_image_text_encoder.prompt_encoder import PromptEncoder as ZImagePromptEncoder
from mflux.models.z_image.variants.controlnet.control_types import ControlSpec
from PIL import Image

from tests.workers.engines.images.drawing import mask, photo
from tests.workers.engines.images.standins import _words, stand_in
from workers.engines.images.canvases.base import Ask, Canvas
from workers.engines.images.canvases.fibo import structured
from workers.engines.images.canvases.flux_context import DIPTYCH
from workers.engines.images.canvases.unrolled import Unrolled
from workers.engines.images.engine import ImageEngine
from workers.engines.images.loading import canvas_class
from workers.engines.images.variants import VARIANTS

PHOTO = Image.open(io.BytesIO(photo(96, 64)))
COVER = Image.open(io.BytesIO(mask(96, 64))).getchannel("A").point(lambda value: 255 - value)
GENERATION: dict[str, Any] = {}
VARIATION = {"images": (PHOTO,), "strength": 0.5}
EDIT = {"images": (PHOTO,)}


def none(pictures: list[str], mask: str) -> dict[str, Any]:
    """No arguments beside those that all have."""
    return {}


def drawn(canvas: Canvas, seed: int) -> np.ndarray[Any, Any]:
    latents = canvas.start(seed)
    for step in canvas.steps:
        latents = canvas.advance(step, latents)
    return np.asarray(canvas.finish(latents).convert("RGB"))


def check(model: Any, kind: type[Canvas], ask: Ask, extra: Callable[[list[str], str], dict[str, Any]] = none) -> None:
    """Our canvas, and mflux's loop stopped after each step, draw what the model itself does.

    `extra` are arguments of mflux's, made of the files of pictures and mask, which only this model has.
    """
    unrolled = Unrolled(model, Unrolled.share(model), ask)
    with tempfile.TemporaryDirectory() as folder:
        given = {name: value for name, value in unrolled.given(Path(folder)).items() if value is not None}
        given |= extra(given.get("image_paths", []), given.get("mask_path", ""))
        given = {name: value for name, value in given.items() if name in unrolled.shared.taken}
        theirs = np.asarray(model.generate_image(seed=7, **given).image.convert("RGB"))
    theirs = theirs[:, theirs.shape[1] - ask.width :]  # the half of a diptych that is shown
    assert theirs.std() > 1
    if extra is not none:
        assert np.array_equal(drawn(kind(model, kind.share(model), ask), 7), theirs)
        return
    assert np.array_equal(drawn(kind(model, kind.share(model), ask), 7), theirs)
    assert np.array_equal(drawn(unrolled, 7), theirs)


def asked(config_name: str, **more: Any) -> Ask:
    variant = VARIANTS[config_name]
    negative = "dogs" if variant.negative and (variant.guidance or 0) > 1 else None
    prompt = '{"edit_instruction": "a cat"}' if config_name.startswith("fibo") else "a cat"
    return Ask(
        **{"prompt": prompt, "width": 96, "height": 64, "steps": 4, "guidance": variant.guidance, **more},
        negative_prompt=negative,
    )


@pytest.mark.parametrize(
    ("config_name", "more"),
    [
        ("flux-schnell", GENERATION),
        ("flux-dev", GENERATION),
        ("flux-dev", VARIATION),
        ("flux-kontext-dev", EDIT),
        ("flux-fill-dev", {**EDIT, "mask": COVER}),
        ("qwen-image", GENERATION),
        ("qwen-image", VARIATION),
        ("qwen-image-edit", EDIT),
        ("qwen-image-edit", {"images": (PHOTO, PHOTO.transpose(Image.Transpose.FLIP_LEFT_RIGHT))}),
        ("fibo", GENERATION),
        ("fibo", VARIATION),
        ("fibo-edit", EDIT),
        ("fibo-edit", {**EDIT, "mask": COVER}),
    ],
)
def test_a_family_draws_as_mflux_does(config_name: str, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FiboPromptEncoder, "encode_prompt", fibo_prompt)
    check(stand_in(config_name), canvas_class(VARIANTS[config_name]), asked(config_name, **more))


OTHER = PHOTO.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
LED: list[tuple[str, dict[str, Any], Callable[[list[str], str], dict[str, Any]]]] = [
    ("flux-dev-canny", {"control": 0.4}, lambda files, mask: led(files[0], 0.4)),
    ("flux-schnell-canny", {"control": 1.0}, lambda files, mask: led(files[0], 1.0)),
    ("flux-dev-upscaler", {"control": 0.7}, lambda files, mask: led(files[0], 0.7)),
    ("flux-depth-dev", {}, lambda files, mask: {"image_path": files[0]}),
    ("flux-redux-dev", {"control": 1.0}, lambda files, mask: {"redux_image_paths": files}),
    (
        "flux-redux-dev",
        {"images": (PHOTO, OTHER), "control": 0.5},
        lambda files, mask: {"redux_image_paths": files, "redux_image_strengths": [0.5, 0.5]},
    ),
    ("flux-in-context-dev", {}, lambda files, mask: {"image_path": files[0]}),
    ("flux-in-context-edit", {}, lambda files, mask: {"left_image_path": files[0], "prompt": DIPTYCH + "a cat"}),
    (
        "flux-catvton",
        {"images": (PHOTO, OTHER), "mask": COVER},
        lambda files, mask: {"left_image_path": files[1], "right_image_path": files[0], "masked_image_path": mask},
    ),
]


def led(picture: str, strength: float) -> dict[str, Any]:
    return {"controlnet_image_path": picture, "controlnet_strength": strength}


@pytest.mark.parametrize(("config_name", "more", "extra"), LED, ids=[f"{row[0]}-{n}" for n, row in enumerate(LED)])
def test_a_model_that_a_picture_leads_draws_as_mflux_does(
    config_name: str, more: dict[str, Any], extra: Callable[[list[str], str], dict[str, Any]]
) -> None:
    ask = asked(config_name, **{**EDIT, **more})
    check(stand_in(config_name), canvas_class(VARIANTS[config_name]), ask, extra)


@pytest.mark.parametrize("pictures", [(PHOTO,), (PHOTO, OTHER)], ids=["one", "two"])
def test_z_image_with_a_controlnet_draws_as_mflux_does(pictures: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ZImagePromptEncoder, "encode_prompt", z_image_prompt)
    shown: Any = "map"  # none of the kinds that are made of a picture
    ask = asked("z-image-turbo-controlnet", images=pictures, control=0.8)
    check(
        stand_in("z-image-turbo-controlnet"),
        canvas_class(VARIANTS["z-image-turbo-controlnet"]),
        ask,
        lambda files, mask: {
            "controls": [ControlSpec(shown, file) for file in files],
            "controlnet_strength": 0.8,
        },
    )


def test_seedvr2_enlarges_as_mflux_does() -> None:
    ask = asked("seedvr2-3b", **EDIT, width=192, height=128, steps=1)
    kind = canvas_class(VARIANTS["seedvr2-3b"])
    check(stand_in("seedvr2-3b"), kind, ask, lambda files, mask: {"image_path": files[0], "resolution": 128})


def test_krea2_with_depth_draws_as_mflux_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def encode(prompt: str, tokenizer: Any, **_: Any) -> Any:
        return _words(tokenizer.tokenize(prompt).input_ids), None

    monkeypatch.setattr(Krea2PromptEncoder, "encode_prompt_pair", encode)
    model = stand_in("krea2-depth")
    check(
        model,
        canvas_class(VARIANTS["krea2-depth"]),
        asked("krea2-depth", **EDIT),
        lambda files, mask: {"depth_image_path": files[0], "image_path": None},
    )


@pytest.mark.parametrize(
    ("pictures", "mask", "extra"),
    [
        ((PHOTO,), None, lambda files, mask: {"controlnet_image_path": files[0]}),
        ((PHOTO,), COVER, lambda files, mask: {"image_path": files[0], "mask_image": mask}),
        (
            (PHOTO, OTHER),
            COVER,
            lambda files, mask: {"image_path": files[0], "mask_image": mask, "controlnet_image_path": files[1]},
        ),
    ],
    ids=["control", "fill", "both"],
)
def test_qwen_with_a_controlnet_draws_as_mflux_does(
    qwen_control: ImageEngine, pictures: Any, mask: Any, extra: Callable[[list[str], str], dict[str, Any]]
) -> None:
    def given(files: list[str], mask: str) -> dict[str, Any]:
        return {"image_path": None, "mask_image": None, "controlnet_strength": 0.5, **extra(files, mask)}

    ask = asked("qwen-image-2.1-controlnet", images=pictures, mask=mask, control=0.5)
    check(qwen_control._model, qwen_control._canvas, ask, given)


def test_a_subject_is_cut_out_of_its_picture_or_shown_as_a_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FiboPromptEncoder, "encode_prompt", fibo_prompt)
    kind, model = canvas_class(VARIANTS["fibo-edit-rmbg"]), stand_in("fibo-edit-rmbg")

    def finished(transparent: bool) -> Image.Image:
        canvas = kind(model, None, asked("fibo-edit-rmbg", **EDIT, transparent=transparent))
        latents = canvas.start(7)
        for step in canvas.steps:
            latents = canvas.advance(step, latents)
        found: Image.Image = canvas.finish(latents)
        return found

    cut, matte = finished(True), finished(False)
    assert (cut.mode, matte.mode) == ("RGBA", "RGB")
    assert np.array_equal(np.asarray(cut.convert("RGB")), np.asarray(PHOTO))
    assert np.array_equal(np.asarray(cut.getchannel("A")), np.asarray(matte.convert("L")))


@pytest.mark.parametrize("config_name", ["flux-dev-canny", "flux-in-context-dev", "flux-depth-dev"])
def test_several_pictures_of_a_job_are_those_of_their_seeds(config_name: str) -> None:
    def canvas() -> Canvas:
        kind = canvas_class(VARIANTS[config_name])
        return kind(stand_in(config_name), None, asked(config_name, **EDIT, control=0.5))

    both = canvas()
    assert all(np.array_equal(drawn(both, seed), drawn(canvas(), seed)) for seed in (7, 8))


def fibo_prompt(prompt: str, negative_prompt: str | None, guidance: float, **_: Any) -> tuple[str, Any, list[Any]]:
    """FIBO's text layers, without the network that makes them."""
    import mlx.core as mx

    texts = [prompt] if guidance == 1.0 else [negative_prompt or "", prompt]
    found = mx.concatenate([_words(mx.array([[len(text), 1, 2, 3]])) for text in texts])
    return prompt, found, [found]


def z_image_prompt(prompt: str, tokenizer: Any, **_: Any) -> Any:
    return _words(tokenizer.tokenize(prompt).input_ids)


@pytest.mark.parametrize("config_name", ["z-image-turbo", "z-image"])
@pytest.mark.parametrize("more", [GENERATION, VARIATION], ids=["generation", "variation"])
def test_z_image_draws_as_mflux_does(config_name: str, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ZImagePromptEncoder, "encode_prompt", z_image_prompt)
    check(stand_in(config_name), canvas_class(VARIANTS[config_name]), asked(config_name, **more))


@pytest.mark.parametrize("more", [GENERATION, VARIATION, {"guidance": 2.0}], ids=["generation", "variation", "guided"])
def test_flux2_draws_as_mflux_does(flux2: ImageEngine, more: dict[str, Any]) -> None:
    check(flux2._model, flux2._canvas, asked("flux2-klein-4b", **more))


@pytest.mark.parametrize("cached", [False, True])
def test_flux2_edits_as_mflux_does(flux2_edit: ImageEngine, cached: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flux2_edit._model.model_config, "supports_kv_cache", cached)
    check(flux2_edit._model, flux2_edit._canvas, asked("flux2-klein-edit-4b", images=(PHOTO, PHOTO)))


def test_the_last_preview_of_a_straight_path_is_the_picture(flux2: ImageEngine) -> None:
    canvas = flux2._canvas(flux2._model, flux2._canvas.share(flux2._model), asked("flux2-klein-4b", steps=1))
    before = canvas.start(7)
    after = canvas.advance(0, before)
    assert np.array_equal(np.asarray(canvas.preview(0, before, after)), np.asarray(canvas.finish(after)))


@pytest.mark.parametrize("config_name", ["flux-dev", "z-image-turbo", "fibo"])
def test_a_preview_is_at_most_256_pixels_a_side(config_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = canvas_class(VARIANTS[config_name])
    canvas = object.__new__(kind)
    model = stand_in(config_name)
    Canvas.__init__(canvas, model, None, asked(config_name, width=1024, height=576))
    noise = canvas.start(7)
    assert canvas.preview(0, noise, noise * 0.5).size == (256, 144)


def test_words_for_fibo_become_its_json() -> None:
    assert structured("a cat", "short_description") == '{"short_description": "a cat"}'
    assert structured('{"objects": []}', "short_description") == '{"objects": []}'
    assert structured('{"objects": []}', "edit_instruction") == '{"edit_instruction": "{\\"objects\\": []}"}'
    assert structured('{"edit_instruction": "x"}', "edit_instruction") == '{"edit_instruction": "x"}'

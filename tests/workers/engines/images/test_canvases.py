"""Our loops draw what mflux's own `generate_image` draws, pixel by pixel."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mflux.models.fibo.model.fibo_text_encoder.prompt_encoder import PromptEncoder as FiboPromptEncoder
from PIL import Image

from tests.workers.engines.images.drawing import mask, photo
from tests.workers.engines.images.standins import _words, stand_in
from workers.engines.images.canvases.base import Ask, Canvas
from workers.engines.images.canvases.fibo import structured
from workers.engines.images.canvases.unrolled import Unrolled
from workers.engines.images.engine import ImageEngine
from workers.engines.images.loading import canvas_class
from workers.engines.images.variants import VARIANTS

PHOTO = Image.open(io.BytesIO(photo(96, 64)))
COVER = Image.open(io.BytesIO(mask(96, 64))).getchannel("A").point(lambda value: 255 - value)
GENERATION: dict[str, Any] = {}
VARIATION = {"images": (PHOTO,), "strength": 0.5}
EDIT = {"images": (PHOTO,)}


def drawn(canvas: Canvas, seed: int) -> np.ndarray[Any, Any]:
    latents = canvas.start(seed)
    for step in canvas.steps:
        latents = canvas.advance(step, latents)
    return np.asarray(canvas.finish(latents))


def check(model: Any, kind: type[Canvas], ask: Ask) -> None:
    """Our canvas, and mflux's loop stopped after each step, draw what the model itself does."""
    unrolled = Unrolled(model, Unrolled.share(model), ask)
    with tempfile.TemporaryDirectory() as folder:
        given = {name: value for name, value in unrolled.given(Path(folder)).items() if value is not None}
        given = {name: value for name, value in given.items() if name in unrolled.shared.taken}
        theirs = np.asarray(model.generate_image(seed=7, **given).image.convert("RGB"))
    assert theirs.std() > 1
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


def fibo_prompt(prompt: str, negative_prompt: str | None, guidance: float, **_: Any) -> tuple[str, Any, list[Any]]:
    """FIBO's text layers, without the network that makes them."""
    import mlx.core as mx

    texts = [prompt] if guidance == 1.0 else [negative_prompt or "", prompt]
    found = mx.concatenate([_words(mx.array([[len(text), 1, 2, 3]])) for text in texts])
    return prompt, found, [found]


@pytest.mark.parametrize("config_name", ["z-image-turbo", "z-image"])
@pytest.mark.parametrize("more", [GENERATION, VARIATION], ids=["generation", "variation"])
def test_z_image_draws_as_mflux_does(config_name: str, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from mflux.models.z_image.model.z_image_text_encoder.prompt_encoder import PromptEncoder

    def encode(prompt: str, tokenizer: Any, **_: Any) -> Any:
        return _words(tokenizer.tokenize(prompt).input_ids)

    monkeypatch.setattr(PromptEncoder, "encode_prompt", encode)
    check(stand_in(config_name), canvas_class(VARIANTS[config_name]), asked(config_name, **more))


@pytest.mark.parametrize("more", [GENERATION, VARIATION, {"guidance": 2.0}], ids=["generation", "variation", "guided"])
def test_flux2_draws_as_mflux_does(flux2: ImageEngine, more: dict[str, Any]) -> None:
    check(flux2._model, flux2._canvas, asked("flux2-klein-4b", **more))


@pytest.mark.parametrize("cached", [False, True])
def test_flux2_edits_as_mflux_does(flux2_edit: ImageEngine, cached: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flux2_edit._model.model_config, "supports_kv_cache", cached)
    check(flux2_edit._model, flux2_edit._canvas, asked("flux2-klein-edit-4b", images=(PHOTO, PHOTO)))


def test_the_last_preview_of_a_straight_path_is_the_picture(flux2: ImageEngine) -> None:
    canvas = flux2._canvas(flux2._model, flux2._shared, asked("flux2-klein-4b", steps=1))
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

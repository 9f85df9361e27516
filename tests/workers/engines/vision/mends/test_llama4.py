"""Llama 4 is shown as many views as its prompt has places for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.workers.engines.vision import trial, zoo
from tests.workers.engines.vision.asking import noise
from workers.engines.vision.parts import Medium

SIDE = 28  # of a tile, in pixels; each is a token


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("models")
    engine = trial.load(zoo.save(root / "model", "llama4"), root / "home")
    return engine._prompts._reader  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("sizes", "views"),
    [
        ([(50, 50)], 1),
        ([(48, 80)], 3),
        ([(80, 48)], 3),
        ([(30, 90)], 4),
        ([(120, 30)], 5),
        ([(50, 50), (48, 80)], 4),
        ([(48, 80), (90, 30), (28, 28)], 8),
    ],
)
def test_a_prompt_has_a_place_for_each_view(sizes: list[tuple[int, int]], views: int, reader: Any) -> None:
    media = [Medium("image", noise(at, *size)) for at, size in enumerate(sizes)]
    made = reader.processed("".join("<|image|> and " for _ in media), media)
    assert made["pixel_values"].numbers.shape == (views, 3, SIDE, SIDE)
    assert np.count_nonzero(made["input_ids"].numbers == reader._image_token) == views


@pytest.mark.parametrize("size", [(48, 80), (120, 30)])
def test_the_last_view_of_several_tiles_is_the_whole_image(size: tuple[int, int], reader: Any) -> None:
    image = noise(1, *size)
    shown = reader.processed("<|image|>", [Medium("image", image)])["pixel_values"].numbers[-1]
    whole = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float32)
    assert np.allclose(shown, whole.transpose(2, 0, 1) / 127.5 - 1, atol=1e-5)

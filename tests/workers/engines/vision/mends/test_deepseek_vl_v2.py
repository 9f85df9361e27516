"""DeepSeek-VL2 finds the end of an image's counts of tiles, and looks no further."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.workers.engines.vision import trial, zoo
from tests.workers.engines.vision.asking import noise
from workers.engines.vision.parts import Medium

import mlx.core as mx  # isort: skip


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("models")
    return trial.load(zoo.save(root / "model", "deepseek_vl_v2"), root / "home")


# Tiles of 32 pixels, as many as the size shows, and a view of the whole.
@pytest.mark.parametrize(
    ("size", "counts"), [((32, 32), [1, 1]), ((64, 32), [2, 1]), ((20, 70), [1, 2]), ((64, 48), [2, 2])]
)
def test_an_image_is_embedded_without_a_look_behind_the_end_of_its_counts(
    size: tuple[int, int], counts: list[int], engine: Any
) -> None:
    made = engine._prompts._reader.processed("Look: <image> what?", [Medium("image", noise(1, *size))])
    rows = made["images_spatial_crop"].numbers
    tiles = counts[0] * counts[1] + 1
    assert rows.tolist() == [[counts] + [[0, 0]] * (tiles - 1)]
    assert made["pixel_values"].numbers.shape[1] == tiles
    language = engine._batch._groups._model
    embedded = language.embed(made).embeddings
    # Behind the end of NumPy's arrays is an error, where behind MLX's is whatever lies in memory.
    assert isinstance(rows, np.ndarray)
    assert mx.array_equal(language.embed({**made, "images_spatial_crop": rows}).embeddings, embedded)
    assert not mx.array_equal(language.embed({"input_ids": made["input_ids"]}).embeddings, embedded)

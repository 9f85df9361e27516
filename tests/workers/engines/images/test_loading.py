"""A models' file entry becomes an engine: its weights quantised, its adapters laid over them, or a clear refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from mlx import nn

from mlxq.entries.image import ImageOptions
from mlxq.entries.image_generation import ImageGenerationEntry
from mlxq.model_path import ModelPathError
from mlxq.settings import Settings
from tasks.stored.blobs import BlobStore
from tasks.values import events
from tasks.values.errors import InvalidValue
from tests.workers.engines.images import drawing, tiny
from tests.workers.engines.images.drawing import job, pictures, pixels
from tests.workers.engines.images.tiny import adapter
from workers.engines.images.engine import ImageEngine
from workers.engines.images.loading import UnsupportedOption, arguments, load
from workers.engines.images.variants import VARIANTS


def test_weights_are_quantised(home: Path, flux2: ImageEngine, blobs: BlobStore) -> None:
    found = drawing.engine("flux2", home, quantize=8)
    assert isinstance(found._model.transformer.x_embedder, nn.QuantizedLinear)
    assert not isinstance(drawing.engine("flux2", home, quantize=16)._model.transformer.x_embedder, nn.QuantizedLinear)
    (coarse,), (fine,) = pictures(found, blobs), pictures(flux2, blobs)
    assert not np.array_equal(coarse, fine) and np.abs(coarse - fine).mean() < 20


def test_adapters_change_the_picture_as_much_as_their_scale_says(
    home: Path, tmp_path: Path, flux2: ImageEngine, blobs: BlobStore
) -> None:
    paths = [adapter(tmp_path / "style.safetensors")]
    plain, none, full = (
        pictures(found, blobs)[0]
        for found in (
            flux2,
            drawing.engine("flux2", home, lora_paths=paths, lora_scales=[0.0]),
            drawing.engine("flux2", home, lora_paths=paths),
        )
    )
    assert np.abs(plain - none).max() <= 1 and not np.array_equal(plain, full)


@pytest.fixture(scope="module")
def adapted(home: Path, tmp_path_factory: pytest.TempPathFactory) -> ImageEngine:
    folder = tmp_path_factory.mktemp("adapters")
    files = {"one": adapter(folder / "one.safetensors"), "two": adapter(folder / "two.safetensors", seed=2)}
    return drawing.engine("flux2", home, adapters=files, batch_completion_size=2)


def test_a_request_chooses_its_adapter(
    home: Path, tmp_path: Path, flux2: ImageEngine, adapted: ImageEngine, blobs: BlobStore
) -> None:
    plain, one, two, again = (
        pictures(adapted, blobs, **chosen)[0] for chosen in ({}, {"adapter": "one"}, {"adapter": "two"}, {})
    )
    assert np.array_equal(plain, pictures(flux2, blobs)[0]) and np.array_equal(plain, again)
    assert not np.array_equal(plain, one) and not np.array_equal(one, two)
    for found, seed in ((one, 1), (two, 2)):
        laid = drawing.engine("flux2", home, lora_paths=[adapter(tmp_path / f"{seed}.safetensors", seed=seed)])
        assert np.abs(pictures(laid, blobs)[0] - found).max() <= 1  # the last bit: those are one weight, these two


def test_jobs_with_different_adapters_take_turns(adapted: ImageEngine, blobs: BlobStore) -> None:
    alone = {name: pictures(adapted, blobs, adapter=name)[0] for name in ("", "one", "two")}
    drawn: dict[str, Any] = {}
    for name in alone:
        adapted.admit(name or "plain", adapted.prepare(job(adapter=name)))
    while adapted._rows:
        drawn |= {name: event for name, event in adapted.step() if isinstance(event, events.Picture)}
    for name, picture in alone.items():
        assert np.array_equal(pixels(blobs.read(drawn[name or "plain"].blob)), picture)


def test_an_adapter_that_is_not_listed_is_refused(adapted: ImageEngine) -> None:
    with pytest.raises(InvalidValue, match="no adapter 'three'") as caught:
        adapted.prepare(job(adapter="three"))
    assert caught.value.failure.param == "adapter"


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"nothing.lora_A.weight": (4, 8), "nothing.lora_B.weight": (8, 4)}, "No LoRA layers were applied"),
        ({}, "holds no adapter of mflux"),
    ],
)
def test_a_file_without_an_adapter_for_the_model_is_refused(
    home: Path, tmp_path: Path, weights: dict[str, tuple[int, int]], message: str
) -> None:
    path = str(tmp_path / "other.safetensors")
    mx.save_safetensors(path, {name: mx.ones(shape) for name, shape in weights.items()})
    with pytest.raises(ModelPathError, match=rf"adapters\.style: .*{message}"):
        drawing.engine("flux2", home, adapters={"style": path})


def test_what_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    def entry(**keys: Any) -> ImageGenerationEntry:
        return ImageGenerationEntry(**{"model_path": str(tmp_path), **keys})

    with pytest.raises(UnsupportedOption, match="no LoRA over fibo"):
        arguments(VARIANTS["fibo"], entry(config_name="fibo", lora_paths=("a",)), "m")
    with pytest.raises(UnsupportedOption, match="take 'adapters' out"):
        arguments(VARIANTS["fibo"], entry(config_name="fibo", adapters={"a": "b"}), "m")
    with pytest.raises(ModelPathError, match="no such folder"):
        load(entry(config_name="flux-dev", model_path="/nowhere/at/all"), Settings())


def test_a_model_of_another_size_is_made_with_its_sizes() -> None:
    entry = ImageGenerationEntry(model_path="m", config_name="flux2-klein-4b", options=ImageOptions(**tiny.FLUX2))
    config = arguments(VARIANTS["flux2-klein-4b"], entry, "m")["model_config"]
    assert config.transformer_overrides["num_layers"] == 1 and config.text_encoder_overrides["hidden_size"] == 64
    other = arguments(VARIANTS["flux2-klein-4b"], ImageGenerationEntry(model_path="m"), "m")["model_config"]
    assert other.transformer_overrides.get("num_layers") != 1  # mflux's own is not touched


def test_a_model_drawn_by_its_own_loop_draws_one_picture_at_a_time() -> None:
    with pytest.raises(UnsupportedOption, match="one image at a time"):
        load(
            ImageGenerationEntry(model_path="org/m", config_name="krea2", batch_completion_size=2),
            Settings(),
        )

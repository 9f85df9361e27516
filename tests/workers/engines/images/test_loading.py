"""A models' file entry becomes an engine: its weights quantised, its adapters laid over them, or a clear refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from mlx import nn

from mlxq.entries import ImageGenerationEntry, ImageOptions
from mlxq.model_path import ModelPathError
from mlxq.settings import Settings
from tasks.blobs import BlobStore
from tests.workers.engines.images import drawing, tiny
from tests.workers.engines.images.drawing import pictures
from workers.engines.images.engine import ImageEngine
from workers.engines.images.loading import UnsupportedOption, arguments, load
from workers.engines.images.variants import VARIANTS


def adapter(path: Path) -> str:
    """A LoRA over where the latents come in."""
    mx.random.seed(1)
    weights = {
        "x_embedder.lora_A.weight": mx.random.normal((4, 128)),
        "x_embedder.lora_B.weight": mx.random.normal((128, 4)),
    }
    mx.save_safetensors(str(path), weights)
    return str(path)


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


def test_what_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    def entry(**keys: Any) -> ImageGenerationEntry:
        return ImageGenerationEntry(**{"model_path": str(tmp_path), **keys})

    with pytest.raises(UnsupportedOption, match="no LoRA over fibo"):
        arguments(VARIANTS["fibo"], entry(config_name="fibo", lora_paths=("a",)), "m")
    with pytest.raises(ModelPathError, match="no such folder"):
        load(entry(config_name="flux-dev", model_path="/nowhere/at/all"), Settings())


def test_a_model_of_another_size_is_made_with_its_sizes() -> None:
    entry = ImageGenerationEntry(model_path="m", config_name="flux2-klein-4b", options=ImageOptions(**tiny.FLUX2))
    config = arguments(VARIANTS["flux2-klein-4b"], entry, "m")["model_config"]
    assert config.transformer_overrides["num_layers"] == 1 and config.text_encoder_overrides["hidden_size"] == 64
    other = arguments(VARIANTS["flux2-klein-4b"], ImageGenerationEntry(model_path="m"), "m")["model_config"]
    assert other.transformer_overrides.get("num_layers") != 1  # mflux's own is not touched


def test_a_model_drawn_by_its_own_loop_draws_one_picture_at_a_time() -> None:
    with pytest.raises(UnsupportedOption, match="one picture at a time"):
        load(
            ImageGenerationEntry(model_path="org/m", config_name="krea2", batch_completion_size=2),
            Settings(),
        )

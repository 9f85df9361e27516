"""What the trial at load finds out about a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest

from tests.workers.engines.rows import run
from tests.workers.engines.vision import zoo
from tests.workers.engines.vision.trial import apart, asked, load, logprobs, reference, text
from workers.engines.vision.language import UnsupportedArchitecture


def with_adapters(folder: Path) -> Path:
    """The model with adapters of one layer for images and for sounds, as its files have them."""
    path = folder / "model.safetensors"
    weights: Any = mx.load(str(path))
    layer = "model.layers.0.self_attn.o_proj"
    base = weights.pop(f"language_model.{layer}.weight")
    weights[f"{layer}.base_layer.weight"] = base
    for kind in ("vision", "speech"):
        weights[f"{layer}.lora_A.{kind}.weight"] = mx.random.normal((4, base.shape[1]))
        weights[f"{layer}.lora_B.{kind}.weight"] = mx.random.normal((base.shape[0], 4))
    mx.eval(weights)
    mx.save_safetensors(str(path), weights)
    return folder


def test_a_model_that_has_other_weights_for_sounds_is_refused(tmp_path: Path) -> None:
    folder = zoo.save(tmp_path / "phi4mm", "phi4mm")
    assert load(folder, tmp_path).details.modalities == ("text", "image", "audio")
    with pytest.raises(UnsupportedArchitecture, match="other weights for each kind"):
        load(with_adapters(folder), tmp_path)


def test_a_prompt_is_cut_where_mlx_vlm_cuts_it_if_that_matters(tmp_path: Path) -> None:
    """Without an image, some layers of Llama 3.2 attend to what else is in the same piece, also behind them."""
    folder = zoo.save(tmp_path / "mllama", "mllama")
    engine = load(folder, tmp_path, batch_prefill_step_size=16)
    job = asked("Only text, and a lot of it. " * 4)
    ours = logprobs(run(engine, job))
    assert not engine._batch._groups._model.cut_anywhere
    assert apart(ours, reference(folder, text(engine, job))) < 1e-3

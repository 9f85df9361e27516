"""What the trial at load finds out about a model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import pytest
from mlx_lm.models.cache import KVCache

from tests.workers.engines.rows import run
from tests.workers.engines.vision import zoo
from tests.workers.engines.vision.trial import apart, asked, load, logprobs, reference, text
from workers.engines.vision.general.load_trial import _made_once
from workers.engines.vision.general.state import ModelState
from workers.engines.vision.general.turns import TurnsLanguage
from workers.engines.vision.language import UnsupportedArchitecture


def with_adapters(folder: Path) -> Path:
    """The model with adapters of one layer for images and for sounds, as its files have them."""
    path = folder / "model.safetensors"
    weights = dict(mx.load(str(path)))
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


class Words(nn.Module):  # type: ignore[misc]
    """Keeps what it makes of its weights, as Kimi K3, and something of every prompt."""

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__()
        self.layers: list[Any] = []
        self._fails = fails
        self._product: Any = None
        self._lengths: Any = None
        self._position_ids: Any = None

    def make_cache(self) -> list[KVCache]:
        return [KVCache()]

    def __call__(self, words: Any, cache: Any = None) -> Any:
        if self._fails:
            raise ValueError("no such thing")
        if self._product is None:
            self._product = mx.ones((2, 2))
        if self._position_ids is None:  # and goes on with those of the prompt before
            self._position_ids = mx.arange(words.shape[1])
        self._lengths = mx.array(words.shape[1])
        return SimpleNamespace(logits=mx.zeros((1, words.shape[1], 4)))


class Model(nn.Module):  # type: ignore[misc]
    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.language_model = Words(**options)

    def get_input_embeddings(self, ids: Any, pixels: Any, **told: Any) -> Any:
        return SimpleNamespace(inputs_embeds=mx.zeros((*ids.shape, 4)), to_dict=dict)


def test_what_is_made_once_of_weights_is_no_rows() -> None:
    model = Model()
    state = ModelState(model)
    made = _made_once(model, TurnsLanguage(model, state), state)
    assert {name for _, name in made} == {"_product"}
    state.settle(made)
    state.write({})
    assert model.language_model._product is next(iter(made.values())) and model.language_model._lengths is None
    model.language_model(mx.zeros((1, 3), mx.int32))
    assert {name for _, name in state.read()} == {"_lengths", "_position_ids"}


def test_a_model_that_does_not_answer_has_made_nothing() -> None:
    model = Model(fails=True)
    state = ModelState(model)
    assert _made_once(model, TurnsLanguage(model, state), state) == {}

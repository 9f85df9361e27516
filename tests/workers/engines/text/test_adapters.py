"""Requests of one batch may each choose an adapter: each says what the model says that was loaded with it alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlxq.entries import LmEntry
from mlxq.settings import Settings
from tasks.values.errors import InvalidValue
from tasks.values.requests import CompletionRequest
from tests.workers.engines.rows import Batch, job
from tests.workers.engines.text import tiny

import mlx.core as mx  # isort: skip
from mlx.utils import tree_flatten  # isort: skip
from mlx_lm.tuner.utils import linear_to_lora_layers  # isort: skip

from workers.engines import lm  # isort: skip
from workers.engines.lm import TextEngine  # isort: skip
from workers.model_path import ModelPathError  # isort: skip

PROMPT = tuple(range(40, 90))
KEYS = {"first": ["self_attn.q_proj", "self_attn.v_proj"], "second": ["self_attn.v_proj", "mlp.up_proj"]}


def save_adapter(folder: Path, seed: int, keys: list[str], *, dora: bool = False) -> Path:
    model = tiny.model(heads=2)
    mx.random.seed(seed)
    parameters: dict[str, Any] = {"rank": 4, "scale": 20.0, "dropout": 0.5, "keys": keys}
    linear_to_lora_layers(model, 2, parameters, use_dora=dora)
    weights = {
        name: mx.random.normal(array.shape) if name.endswith("lora_b") else array
        for name, array in tree_flatten(model.parameters())
        if name.rpartition(".")[2] in ("lora_a", "lora_b", "m")
    }
    folder.mkdir(parents=True)
    config = {"fine_tune_type": "dora" if dora else "lora", "num_layers": 2, "lora_parameters": parameters}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    mx.save_safetensors(str(folder / "adapters.safetensors"), weights)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapters")
    tiny.save(folder / "model", tiny.model(heads=2))
    save_adapter(folder / "first", 1, KEYS["first"])
    save_adapter(folder / "second", 2, KEYS["second"], dora=True)
    return folder


def load(folder: Path, **keys: Any) -> TextEngine:
    return lm.load(LmEntry(model_path=str(folder / "model"), served_model_name="tiny", **keys), Settings())


@pytest.fixture(scope="module")
def engine(folder: Path) -> TextEngine:
    return load(folder, adapters={name: str(folder / name) for name in KEYS})


@pytest.fixture(scope="module")
def alone(folder: Path) -> dict[str, str]:
    """What each adapter's model says that has no other."""
    loaded = {"": load(folder), **{name: load(folder, adapter_path=str(folder / name)) for name in KEYS}}
    return {name: said(found, [("0", "")])["0"] for name, found in loaded.items()}


def said(engine: TextEngine, rows: list[tuple[str, str]]) -> dict[str, str]:
    batch = Batch(engine)
    for name, adapter in rows:
        batch.admit(name, job(CompletionRequest((PROMPT,), temperature=0.0, max_tokens=12, adapter=adapter)))
    batch.run()
    return {name: batch.text(name) for name, _ in rows}


def test_rows_with_different_adapters_and_none_run_together(engine: TextEngine, alone: dict[str, str]) -> None:
    assert len(set(alone.values())) == 3
    rows = [(f"{number} {adapter}", adapter) for number in range(2) for adapter in ("first", "", "second")]
    assert said(engine, rows) == {name: alone[adapter] for name, adapter in rows}


def test_what_one_leaves_in_the_prompt_cache_serves_no_other(engine: TextEngine, alone: dict[str, str]) -> None:
    for adapter in ("", "first", "second", "first", ""):
        assert said(engine, [("0", adapter)])["0"] == alone[adapter]


def test_an_adapter_that_the_entry_does_not_list_is_refused(engine: TextEngine) -> None:
    with pytest.raises(InvalidValue, match="no adapter 'third'"):
        engine.prepare(job(CompletionRequest((PROMPT,), adapter="third")))


def test_a_folder_that_holds_no_adapter_of_the_model_is_told_at_the_start(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelPathError, match=r"adapters.none: .* no such folder"):
        load(folder, adapters={"none": str(tmp_path / "none")})
    with pytest.raises(ModelPathError, match=r"adapters.empty: .* holds no adapter of mlx-lm"):
        load(folder, adapters={"empty": str(tmp_path)})
    with pytest.raises(ModelPathError, match=r"adapters.other: .* lays no adapter over"):
        load(folder, adapters={"other": str(save_adapter(tmp_path / "other", 3, ["nothing"]))})

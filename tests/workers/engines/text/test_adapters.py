"""Requests of one batch may each choose an adapter: each says what the model says that was loaded with it alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlxq.entries.lm import LmEntry
from mlxq.settings import Settings
from tasks.values.errors import InvalidValue
from tasks.values.job import Job
from tasks.values.requests import CompletionRequest
from tests.workers.engines.rows import Batch, job
from tests.workers.engines.text import tiny
from tests.workers.engines.text.speculation.test_prompt_lookup import Free

import mlx.core as mx  # isort: skip
from mlx.utils import tree_flatten  # isort: skip
from mlx_lm.models import llama  # isort: skip
from mlx_lm.tuner.utils import linear_to_lora_layers  # isort: skip

from workers.engines import lm  # isort: skip
from workers.engines.lm import TextEngine  # isort: skip
from workers.engines.text.speculation.prompt_lookup import PromptLookup  # isort: skip
from workers.model_files.model_path import ModelPathError  # isort: skip

PROMPT = tuple(range(40, 90))
KEYS = {"first": ["self_attn.q_proj", "self_attn.v_proj"], "second": ["self_attn.v_proj", "mlp.up_proj"]}


def save_adapter(
    folder: Path, seed: int, keys: list[str], *, dora: bool = False, rank: int = 4, scale: float = 20.0
) -> Path:
    model = tiny.model(heads=2)
    mx.random.seed(seed)
    parameters: dict[str, Any] = {"rank": rank, "scale": scale, "dropout": 0.5, "keys": keys}
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


def request(adapter: str) -> Job:
    return job(CompletionRequest((PROMPT,), temperature=0.0, max_tokens=12, adapter=adapter))


def said(engine: TextEngine, rows: list[tuple[str, str]]) -> dict[str, str]:
    batch = Batch(engine)
    for name, adapter in rows:
        batch.admit(name, request(adapter))
    batch.run()
    return {name: batch.text(name) for name, _ in rows}


def test_rows_with_different_adapters_and_none_run_together(engine: TextEngine, alone: dict[str, str]) -> None:
    assert len(set(alone.values())) == 3
    rows = [(f"{number} {adapter}", adapter) for number in range(2) for adapter in ("first", "", "second")]
    assert said(engine, rows) == {name: alone[adapter] for name, adapter in rows}


LORA = {
    "first": {"keys": KEYS["first"]},
    "small": {"keys": KEYS["second"], "rank": 2, "scale": 3.0},
    "large": {"keys": ["self_attn.q_proj", "mlp.down_proj"], "rank": 16, "scale": 10.0},
}


@pytest.fixture(scope="module")
def of_rows(folder: Path) -> TextEngine:
    """An engine whose adapters are LoRA of several ranks on different layers."""
    for number, (name, how) in enumerate(LORA.items()):
        save_adapter(folder / "lora" / name, 10 + number, **how)  # type: ignore[arg-type]
    return load(folder, adapters={name: str(folder / "lora" / name) for name in LORA})


@pytest.mark.parametrize("drafter", [None, PromptLookup(4, Free())])
def test_lora_adapters_share_a_forward_pass(
    of_rows: TextEngine, folder: Path, drafter: PromptLookup | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {"": said(load(folder), [("0", "")])["0"]}
    for name in LORA:
        single = load(folder, adapter_path=str(folder / "lora" / name))
        expected[name] = said(single, [("0", "")])["0"]
    assert len(set(expected.values())) == 4
    monkeypatch.setattr(of_rows._batch, "_drafter", drafter)
    batch = Batch(of_rows)
    for name in (names := ["first", "", "large", "small"]):
        batch.admit(name, request(name))
    while len(of_rows._batch._groups.rows) < 4 or any(group.joining for group in of_rows._batch._groups.all):
        batch.step()
    assert len(of_rows._batch._groups.all) == 1
    batch.run()
    assert {name: batch.text(name) for name in names} == expected


def test_adapters_of_another_kind_are_computed_apart(engine: TextEngine) -> None:
    batch = Batch(engine)
    for name in ("first", "", "second"):
        batch.admit(name, request(name))
    while len(engine._batch._groups.rows) < 3:
        batch.step()
    groups = [{row.adapter for row in group.all_rows} for group in engine._batch._groups.all]
    assert sorted(groups, key=min) == [{""}, {"first"}, {"second"}]
    batch.run()


@pytest.mark.parametrize(("ranks", "mix"), [([4, 4], True), ([8], True), ([1, 1, 4], True), ([1] * 6 + [32], False)])
def test_adapters_that_would_have_to_be_filled_up_far_are_computed_apart(
    folder: Path, tmp_path: Path, ranks: list[int], mix: bool
) -> None:
    for at, rank in enumerate(ranks):
        save_adapter(tmp_path / str(at), at, KEYS["first"], rank=rank)
    found = load(folder, adapters={str(at): str(tmp_path / str(at)) for at in range(len(ranks))})
    adapters = found._batch._groups._adapters
    assert adapters is not None and adapters.mix is mix


def test_a_model_that_gives_its_layers_something_else_than_rows_computes_them_apart(
    of_rows: TextEngine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = llama.MLP.__call__
    monkeypatch.setattr(llama.MLP, "__call__", lambda self, x: plain(self, x.reshape(-1, x.shape[-1])).reshape(x.shape))
    found = load(folder, adapters={name: str(folder / "lora" / name) for name in LORA})
    adapters = found._batch._groups._adapters
    assert adapters is not None and not adapters.mix
    rows = [(name, name) for name in LORA]
    assert said(found, rows) == {name: said(of_rows, [(name, name)])[name] for name in LORA}


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

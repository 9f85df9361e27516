"""What a model needs is read from its files, and the memory for all of them from the settings or the device."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlxq.entries.embeddings import EmbeddingsEntry
from mlxq.entries.fake import FakeEntry, FakeOptions
from mlxq.entries.image_generation import ImageGenerationEntry
from mlxq.entries.lm import LmEntry
from mlxq.entries.model_entry import ModelEntry
from mlxq.settings import Settings
from workers.supervision import memory_estimate
from workers.supervision.memory_estimate import Need


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, size in (("model", 700), ("draft", 200), ("adapter", 30), ("drawing/transformer", 500)):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "weights.safetensors").write_bytes(b"0" * size)
        (tmp_path / name / "tokenizer.json").write_bytes(b"0" * 1000)
    (tmp_path / "model" / "more.npz").write_bytes(b"0" * 7)
    return tmp_path


def entries(folder: Path) -> dict[str, tuple[ModelEntry, Need]]:
    path = str(folder / "model")
    beside = {"draft_model_path": str(folder / "draft"), "adapter_path": str(folder / "adapter")}
    return {
        "weights": (EmbeddingsEntry(model_path=path), Need(707, 0)),
        "what is laid beside them": (LmEntry(model_path=path, **beside), Need(937, 0)),
        "adapters to choose from": (
            LmEntry(model_path=path, adapters={"a": str(folder / "adapter"), "b": str(folder / "draft")}),
            Need(937, 0),
        ),
        "bounds of caches": (LmEntry(model_path=path, max_kv_bytes=40, prompt_cache_max_bytes=2), Need(707, 42)),
        "folders below": (ImageGenerationEntry(model_path=str(folder / "drawing")), Need(500, 0)),
        "no such folder": (LmEntry(model_path=str(folder / "none")), Need(0, 0)),
        "no such starter": (LmEntry(model_path="starter:none"), Need(0, 0)),
        "not downloaded yet": (LmEntry(model_path="nobody/has-this-model"), Need(0, 0)),
        "a fake one": (FakeEntry(model_path="none", options=FakeOptions(bytes=9)), Need(9, 0)),
    }


@pytest.mark.parametrize("case", entries(Path()))
def test_an_estimate(folder: Path, case: str) -> None:
    entry, expected = entries(folder)[case]
    assert memory_estimate.estimate(entry, folder / "cache") == expected


def test_the_budget_is_what_was_set_else_what_the_device_recommends_else_a_part_of_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert memory_estimate.budget(Settings(memory_budget=5)) == 5
    monkeypatch.setattr(memory_estimate, "_RECOMMENDED", "print(7)")
    assert memory_estimate.budget(Settings()) == 7
    for silent in ("print(0)", "raise SystemExit(1)"):
        monkeypatch.setattr(memory_estimate, "_RECOMMENDED", silent)
        assert 1 << 28 < memory_estimate.budget(Settings()) < 1 << 50

"""Whatever mlx-lm loads is served as mlx-lm would answer, rows together where the architecture allows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlxq.entries.lm import LmEntry
from mlxq.settings import Settings
from tests.support.rounds import LONG
from tests.workers.engines.text import architectures
from tests.workers.engines.text.architecture_check import look
from workers.engine import Unservable
from workers.engines import lm
from workers.engines.text.measured import outcomes

# One of each kind of cache, and of what else was ever wrong.
SOME = (
    "afm7",  # layers that share keys
    "deepseek_v41",  # caches of its own kind
    "falcon_h1",  # several caches a layer: attention and a state
    "gemma2",  # a mask for one row
    "gpt_bigcode",  # positions for one row
    "gpt_oss",  # windows
    "llama4",  # chunks
    "mamba2",  # states only
    "nemotron-nas",  # layers that remember nothing
    "qwen3_next",  # states and attention in turn
)


@pytest.mark.parametrize("name", architectures.names() if LONG else SOME)
def test_an_architecture_is_served_as_the_documents_say(name: str, tmp_path: Path) -> None:
    assert look(name, tmp_path) == outcomes()[name]


def test_the_documents_have_every_architecture_of_the_installed_mlx_lm() -> None:
    assert tuple(outcomes()) == architectures.names()


def test_an_architecture_that_misses_a_package_is_refused_and_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "olmo"}))
    (tmp_path / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    with pytest.raises(Unservable, match="cannot load this architecture"):
        lm.load(LmEntry(model_path=str(tmp_path)), Settings())

"""What a loaded model takes from its files: the ids that end an answer, and what stands around a turn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.workers.engines.vision import zoo
from tests.workers.engines.vision.trial import asked, load, text
from workers.engines.vision import loading


@pytest.mark.parametrize(
    ("config", "generation", "processor", "own", "ids"),
    [
        ({"eos_token_id": 1}, {}, {}, {}, {1}),
        ({"eos_token_id": [1, 2]}, {"eos_token_id": 3}, {}, {}, {1, 2, 3}),
        ({"text_config": {"eos_token_id": 4}}, {}, {"additional_eos_token_ids": (5,)}, {}, {4, 5}),
        ({}, {}, {"eos_token_id": 6}, {}, {6}),
        # mlx-vlm adds what the files of some architectures forget, as the end of a turn to GOT's.
        ({"eos_token_id": 1}, {}, {}, {"eos_token_id": [1, 7]}, {1, 7}),
        ({}, {}, {}, {"eos_token_id": (8,)}, {8}),
    ],
)
def test_an_answer_ends_at_every_id_that_something_names(
    config: Mapping[str, Any],
    generation: Mapping[str, Any],
    processor: Mapping[str, Any],
    own: Mapping[str, Any],
    ids: set[int],
    tmp_path: Path,
) -> None:
    (tmp_path / "generation_config.json").write_text(json.dumps(generation))
    model = SimpleNamespace(config=SimpleNamespace(**own))
    assert set(loading._ends(tmp_path, config, SimpleNamespace(**processor), model)) == ids


def test_a_model_of_bare_prompts_is_told_what_the_user_writes_whatever_template_lies_beside_it(tmp_path: Path) -> None:
    engine = load(zoo.save(tmp_path / "model", "falcon_ocr"), tmp_path / "home")
    assert text(engine, asked("table")) == "table"

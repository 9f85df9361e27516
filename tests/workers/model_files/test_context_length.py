"""How long a context a config promises, wherever in it the language model's own part stands."""

from __future__ import annotations

from typing import Any

import pytest

from workers.model_files.context_length import promised

LONG = {"max_position_embeddings": 4096}


@pytest.mark.parametrize(
    ("config", "tokens"),
    [
        (LONG, 4096),
        ({"text_config": LONG}, 4096),
        ({"llm_config": LONG}, 4096),
        ({"language_config": LONG}, 4096),
        ({"thinker_config": {"text_config": LONG}, "talker_config": {"text_config": {**LONG, "x": 1}}}, 4096),
        ({"max_position_embeddings": 64, "text_config": LONG}, 64),
        ({"max_position_embeddings": None, "text_config": LONG}, 4096),
        ({"vision_config": LONG}, None),
        ({"text_config": None}, None),
        ({}, None),
    ],
)
def test_a_config_promises(config: dict[str, Any], tokens: int | None) -> None:
    assert promised(config) == tokens

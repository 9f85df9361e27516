"""What keeps a process from starting is said before anything starts, in the web and the batches' runner too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.servers import PATIENCE, ROOT, fake, free_port

MODULES = {"workers": ["workers"], "web": ["gunicorn", "--config", "python:web.gunicorn", "web.wsgi:app"],
           "batches": ["web.batches"]}  # fmt: skip
WRONG = [
    {"model_path": "x", "served_model_name": "mine", "reasoning_parser": "qwen9"},
    {"model_path": "x", "served_model_name": "yours", "tool_call_parser": "hermse"},
    {"model_path": "x", "served_model_name": "theirs", "model_type": "image-edit", "config_name": "flux-dev"},
]


@pytest.mark.parametrize("words", MODULES.values(), ids=MODULES)
def test_every_wrong_name_is_told_before_anything_starts(words: list[str], tmp_path: Path) -> None:
    config = tmp_path / "models.yaml"
    config.write_text(yaml.safe_dump({"models": [fake(), *WRONG]}))
    # There is no Redis: whoever started would wait for one.
    there = {"MLXQ_CONFIG": str(config), "MLXQ_HOME": str(tmp_path), "PORT": str(free_port())}
    env = {**os.environ, **there, "REDIS_URL": "redis://127.0.0.1:1/0"}
    done = subprocess.run(
        [sys.executable, "-m", *words],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode != 0
    first, second, third = [line for line in done.stderr.splitlines() if "models[" in line]
    assert "models[1] 'mine': 'reasoning_parser' must be one of" in first and "qwen3_moe" in first
    assert "models[2] 'yours': 'tool_call_parser' must be one of" in second and "did you mean 'hermes'?" in second
    assert "models[3] 'theirs': 'config_name' must be one of" in third
    assert "'flux-dev', which is for image-generation models" in third

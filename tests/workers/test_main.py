"""What keeps the supervisor from starting is said in one line, before anything starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers import PATIENCE, ROOT, fake


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"reasoning_parser": "qwen9"}, "model 'mine': there is no reasoning_parser 'qwen9'; there are "),
        ({"tool_call_parser": "qwen9"}, "model 'mine': there is no tool_call_parser 'qwen9'; there are "),
        ({"reasoning_parsers": "qwen3"}, "unknown key 'reasoning_parsers'; did you mean 'reasoning_parser'?"),
    ],
)
def test_an_unknown_format_is_refused_with_the_list(keys: dict[str, Any], told: str, tmp_path: Path) -> None:
    config = tmp_path / "models.yaml"
    config.write_text(yaml.safe_dump({"models": [fake(), fake("mine", **keys)]}))
    # There is no Redis: whoever started would wait for one.
    env = {**os.environ, "MLXQ_CONFIG": str(config), "REDIS_URL": "redis://127.0.0.1:1/0"}
    done = subprocess.run(
        [sys.executable, "-m", "workers"],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("mlxq: ") and told in line

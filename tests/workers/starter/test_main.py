"""`python -m workers.starter` for a person."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support import starter


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workers.starter", *words]
    return subprocess.run(command, env={**os.environ, "COLUMNS": "200", **variables}, capture_output=True, text=True)


def test_the_list_shows_licences_and_what_is_there(tmp_path: Path) -> None:
    done = run("--list", MLXQ_CACHE=str(tmp_path))
    assert done.returncode == 0
    line = next(line for line in done.stdout.splitlines() if "smollm2-135m-instruct" in line)
    assert "Apache-2.0" in line
    assert "not made" in line


def test_a_model_that_is_there_is_left_alone() -> None:
    starter.folder("all-minilm-l6-v2")
    done = run("--only", "all-minilm-l6-v2")
    assert done.returncode == 0
    assert "already there" in done.stderr


def test_no_network_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    done = run(MLXQ_CACHE=str(tmp_path), UV_DEFAULT_INDEX="http://127.0.0.1:1/simple")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "check the network" in line


def test_a_cache_that_cannot_be_written_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    done = run(MLXQ_CACHE=str(tmp_path / "file"))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "MLXQ_CACHE" in line

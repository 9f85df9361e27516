"""The guide's examples of the command line, as they stand there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.support import recordings
from tests.support.servers import PATIENCE, ROOT, Stack

BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/guides/cli.md").read_text(), re.DOTALL)
CHAT = {"model": "smollm2-135m-instruct", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 4}


@pytest.fixture
def folder(real_stack: Stack, tmp_path: Path) -> Path:
    """What the examples work on."""
    (tmp_path / "texts.txt").write_text("The cat sits on the mat.\nA cat is sitting on a rug.\n")
    (tmp_path / "passages.txt").write_text("It rained. " * 400 + "\nThe sun shone.\n")
    (tmp_path / "words.tsv").write_text("1\tone\n2\ttwo\n")
    (tmp_path / "recordings").mkdir()
    shutil.copy(recordings.librivox()[4][0], tmp_path / "recordings" / "speech.wav")
    line = {"custom_id": "r1", "method": "POST", "url": "/v1/chat/completions", "body": CHAT}
    (tmp_path / "requests.jsonl").write_text(json.dumps(line) + "\n")
    return tmp_path


def test_the_examples_of_the_command_line_work(real_stack: Stack, folder: Path) -> None:
    httpx.post(f"{real_stack.url}/v1/jobs", json={"url": "/v1/chat/completions", "body": CHAT}).raise_for_status()
    mlxq = f'mlxq() {{ "{sys.executable}" -m mlxq.cli "$@"; }}\n'
    env = {**os.environ, "PYTHONPATH": str(ROOT), "MLXQ_URL": real_stack.url}
    assert len(BLOCKS) == 4
    for block in BLOCKS:
        done = subprocess.run(
            ["sh", "-euc", mlxq + block],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, (block, done.stderr)
    assert np.load(folder / "vectors.npy").shape == (2, 384)
    assert [json.loads(line)["text"] for line in (folder / "vectors.jsonl").read_text().splitlines()] == ["one", "two"]
    assert "amiable" in (folder / "texts" / "speech.txt").read_text().lower()
    assert json.loads((folder / "answers.jsonl").read_text())["custom_id"] == "r1"
    assert (folder / "errors.jsonl").read_text() == ""

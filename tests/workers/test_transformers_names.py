"""What transformers finds of its models is found once, and then known."""

from __future__ import annotations

import marshal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import ROOT

# Prints how many of the models' files are opened as source, and what transformers offers then.
_IMPORT = """
import pathlib, sys
from workers import transformers_names
opened = []
def hear(event, arguments):
    if event == "open" and "transformers/models/" in str(arguments[0]) and str(arguments[0]).endswith(".py"):
        opened.append(arguments[0])
sys.addaudithook(hear)
if len(sys.argv) > 1:
    transformers_names.remember(pathlib.Path(sys.argv[1]))
import transformers
from transformers import AutoTokenizer, BertTokenizer
import transformers.models.llama
from transformers.models import qwen2
names = [sorted(dir(module)) for module in (transformers, transformers.models, qwen2)]
print(len(opened), hash(str(names)))
"""


def imported(*words: str) -> tuple[int, str]:
    """Files opened, and what is offered, of a process that imports transformers."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT, *words],
        cwd=ROOT,
        env={"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    opened, _, offered = done.stdout.partition(" ")
    return int(opened), offered


@pytest.fixture(scope="module")
def offered() -> str:
    """What is offered where nothing is remembered."""
    opened, offered = imported()
    assert opened > 1000
    return offered


def test_the_second_import_reads_none_of_the_models_and_offers_the_same(tmp_path: Path, offered: str) -> None:
    cache = tmp_path / "cache"
    first = imported(str(cache))
    assert first[0] > 1000 and first[1] == offered
    second = imported(str(cache))
    assert second[0] < 100 and second[1] == offered


@pytest.mark.parametrize("written", [b"no marshal", marshal.dumps((("another transformers", 1, 1, 1), {}))])
def test_what_cannot_be_used_is_found_anew_and_written(tmp_path: Path, offered: str, written: bytes) -> None:
    file = tmp_path / f"transformers.{sys.implementation.cache_tag}.names"
    file.write_bytes(written)
    opened, found = imported(str(tmp_path))
    assert opened > 1000 and found == offered
    assert file.read_bytes() != written and [one.name for one in tmp_path.iterdir()] == [file.name]


def test_a_folder_that_cannot_be_written_costs_the_memory_alone(tmp_path: Path, offered: str) -> None:
    (tmp_path / "cache").write_text("a file")
    assert imported(str(tmp_path / "cache"))[1] == offered

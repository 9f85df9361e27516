"""Every snippet of the README runs, and every table in the documents says what the code says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from mlxq.catalogue import Catalogue, ModelEntry
from mlxq.checks import SAMPLING
from mlxq.settings import DEFAULT, VARIABLES
from schemas.__main__ import TABLES, table
from tasks import keys
from tests import recordings
from tests.servers import PATIENCE, ROOT, Stack
from workers.engines.images.variants import VARIANTS
from workers.parsers import registry

README = (ROOT / "README.md").read_text()
URL = "http://127.0.0.1:8000"
BLOCK = re.compile(r"```(python|sh)\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)


class Snippet(NamedTuple):
    language: str
    code: str
    output: str


SNIPPETS = [
    Snippet(*(part or "" for part in found))
    for found in BLOCK.findall(README)
    if found[0] == "python" or "curl" in found[1]
]


IMAGES = [snippet for snippet in SNIPPETS if "client.images" in snippet.code]
OTHERS = [snippet for snippet in SNIPPETS if snippet not in IMAGES]


@pytest.mark.parametrize("snippet", OTHERS, ids=lambda snippet: snippet.code.strip().splitlines()[-1][:50])
def test_a_snippet_runs_and_says_what_is_written_there(snippet: Snippet, real_stack: Stack, tmp_path: Path) -> None:
    recording, words = recordings.librivox()[4]
    shutil.copy(recording, tmp_path / "speech.wav")
    code = snippet.code.replace(URL, real_stack.url)
    command = [sys.executable, "-c", code] if snippet.language == "python" else ["sh", "-euc", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "it shows nothing"
    if snippet.output:
        assert done.stdout == snippet.output
    if "transcriptions" in code:
        assert set(words.split()[:4]) <= set(re.findall(r"\w+", done.stdout.lower()))


@pytest.mark.parametrize("snippet", IMAGES)
def test_a_snippet_that_makes_pictures_runs(snippet: Snippet, image_stack: Stack, tmp_path: Path) -> None:
    code = snippet.code.replace(URL, image_stack.url).replace("512x512", "128x128")  # tiny models, on a CPU
    code = code.replace('"flux2-klein-4b"', '"flux2"').replace('"flux2-klein-edit-4b"', '"flux2-edit"')
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.stdout, done.returncode) == (snippet.output, 0), done.stderr
    assert (tmp_path / "lighthouse.png").read_bytes().startswith(b"\x89PNG")


def test_there_are_snippets_for_each_kind_of_model() -> None:
    code = "".join(snippet.code for snippet in SNIPPETS)
    assert all(
        call in code
        for call in (
            "chat.completions",
            "stream=True",
            "embeddings",
            "transcriptions",
            "client.images",
            "/v1/jobs",
            "batches",
        )
    )


def between(text: str, name: str) -> str:
    return text.split(f"<!-- {name} -->\n")[1].split(f"<!-- end of {name} -->")[0]


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_of_fields_are_the_schemas(name: str) -> None:
    assert between(README, name) == "\n".join(table(name)) + "\n"


@pytest.mark.parametrize(("kind", "flag"), [("tool", "tool_call_parser"), ("reasoning", "reasoning_parser")])
def test_the_tables_of_formats_are_the_files(kind: str, flag: str) -> None:
    found = registry.formats("tools") if kind == "tool" else registry.formats("reasoning")
    lines = [f"| file | names for `{flag}` |", "| --- | --- |"]
    lines += [f"| {name} | {', '.join(f'`{alias}`' for alias in one.NAMES)} |" for name, one in found.items()]
    assert between(README, f"{kind} formats") == "\n".join(lines) + "\n"


def test_the_table_of_keys_is_the_code_s() -> None:
    assert keys.__doc__ is not None
    assert between((ROOT / "ARCHITECTURE.md").read_text(), "keys").strip() in keys.__doc__


def test_the_settings_table_names_every_variable_and_no_other() -> None:
    told = set(re.findall(r"`((?:MLXQ_|REDIS_)\w+|PORT)`", section("## Settings")))
    assert told == {variable for variable, _ in VARIABLES.values()} | {"MLXQ_REDIS_PORT"} | {
        DEFAULT + name.upper() for name in SAMPLING
    }


def section(heading: str) -> str:
    return README.split(f"{heading}\n")[1].split("\n## ")[0].split("`docker compose")[0]


def test_the_examples_of_models_files_are_some() -> None:
    first, second, third = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert Catalogue.parse(yaml.safe_load(first), "README.md").get("qwen3-4b").context_length == 16_384
    assert Catalogue.parse(yaml.safe_load(second), "README.md").get("qwen3-8b").kv_bits == 8
    assert Catalogue.parse(yaml.safe_load(third), "README.md").get("flux2-klein-4b").quantize == 8


def test_the_tables_of_a_text_and_an_image_model_s_keys_name_every_one() -> None:
    text, image = section("### Text models").split("### Image models\n")
    told = keyed(text) | keyed(image) - {"mask"}
    general = {"model_type", "queue_size", "queue_timeout", "options"}
    keys = {field.name for field in fields(ModelEntry)} - {"name", "model_path", "defaults"} - general
    assert told - {"default_temperature", "default_top_p"} == keys
    assert keyed(image) & keyed(text) == {"batch_completion_size"}


def keyed(text: str) -> set[str]:
    """What stands in the first column of a text's tables."""
    return set(re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\| (.*?) \|", text, re.MULTILINE))))


def test_every_kind_of_image_model_stands_where_it_belongs() -> None:
    rows = re.findall(r"^\| (.*?) \| (`.*`) \|$", section("### Image models"), re.MULTILINE)
    told = {name: set(re.findall(r"`([\w.-]+)`", cell)) for name, cell in rows}
    masks = told.pop("take a `mask`")
    assert masks == {name for name, variant in VARIANTS.items() if variant.mask != "none"}
    for name, variant in VARIANTS.items():
        place = "edits" if variant.edits else "generation"
        if variant.canvas.startswith(("unrolled.", "qwen21.")):
            place += ", without previews"
        assert [row for row, names in told.items() if name in names] == [place]


def test_the_repository_s_models_are_the_starter_models() -> None:
    assert [entry.model_type for entry in Catalogue.load(ROOT / "models.yaml")] == ["lm", "embeddings", "whisper"]


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_every_file_that_a_document_names_is_there(name: str) -> None:
    told = re.findall(r"`((?:mlxq|schemas|tasks|web|workers|tests|bench)/[\w./]*)`", (ROOT / name).read_text())
    missing = [path for path in told if "x.py" not in path and not (ROOT / path).exists()]
    assert not missing


def test_the_lock_names_no_package_index() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "==" in lock and "://" not in lock and "--" not in lock

"""What `python -m workers.model_files.inspect` and `mlxq models inspect` say of a model's files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlxq.entries.lm import LmEntry
from tests.support import starter
from tests.support.servers import PATIENCE, ROOT
from tests.workers.parsers import templates
from workers.model_files.inspect import InspectError, inspect
from workers.parsers.registry import UnknownFormat

TOKENS = ["<|im_start|>", "<think>", "</think>", "<tool_call>"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder without weights, as Qwen3 is published."""
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text(json.dumps({"model_type": "qwen3", "max_position_embeddings": 40_960}))
    (made / "tokenizer.json").write_text(json.dumps({"added_tokens": [{"content": token} for token in TOKENS]}))
    (made / "tokenizer_config.json").write_text(json.dumps({"chat_template": templates.QWEN3}))
    return made


def entry(folder: Path, **keys: Any) -> LmEntry:
    return LmEntry(served_model_name="model", model_path=str(folder), **keys)


def test_a_folder_is_read_without_weights(folder: Path) -> None:
    found = inspect(entry(folder), folder)
    assert (found.model_type, found.context_length, found.chat_template) == ("qwen3", 40_960, "tokenizer_config.json")
    assert (found.reasoning_parser, found.reasoning_parser_because) == (
        "qwen3",
        "The chat template holds <think> and </think>.",
    )
    assert found.special_tokens == ("<think>", "</think>", "<tool_call>")


def test_what_the_models_file_says_goes_first(folder: Path) -> None:
    other = folder / "own.jinja"
    other.write_text(templates.GEMMA_4)
    found = inspect(entry(folder, context_length=512, chat_template_file=str(other)), folder)
    assert (found.context_length, found.chat_template, found.reasoning_parser) == (512, str(other), "gemma4")
    assert inspect(entry(folder, reasoning_parser="none"), folder).reasoning_parser is None
    with pytest.raises(UnknownFormat):
        inspect(entry(folder, reasoning_parser="qwen4"), folder)


def test_every_place_of_a_chat_template_is_looked_at(folder: Path) -> None:
    config, sources = folder / "tokenizer_config.json", []
    several = [{"name": "default", "template": "{{ x }}"}, {"name": "tool_use", "template": templates.QWEN3}]
    config.write_text(json.dumps({"chat_template": several}))
    assert inspect(entry(folder), folder).reasoning_parser == "qwen3"
    for name, text in (
        ("tokenizer_config.json", "{}"),
        ("chat_template.json", json.dumps({"chat_template": templates.HARMONY})),
        ("chat_template.jinja", templates.SOLAR_OPEN),
    ):
        (folder / name).write_text(text)
        found = inspect(entry(folder), folder)
        sources.append((found.chat_template, found.reasoning_parser))
    # Without a template the special tokens still tell.
    assert sources == [(None, "qwen3"), ("chat_template.json", "harmony"), ("chat_template.jinja", "solar_open")]


def test_the_context_length_may_stand_with_the_text_model(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"text_config": {"max_position_embeddings": 128}}))
    found = inspect(entry(folder), folder)
    assert (found.model_type, found.context_length) == (None, 128)


def test_files_that_cannot_be_read_are_named(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text("{")
    with pytest.raises(InspectError, match=r"tokenizer_config\.json"):
        inspect(entry(folder), folder)
    (folder / "tokenizer_config.json").unlink()
    with pytest.raises(InspectError, match=r"chat_template_file: .*gone\.jinja"):
        inspect(entry(folder, chat_template_file="gone.jinja"), folder)
    (folder / "config.json").unlink()
    with pytest.raises(InspectError, match=r"no config\.json"):
        inspect(entry(folder), folder)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def test_the_command_says_why() -> None:
    name = starter.folder("smollm2-135m-instruct").name
    served, path = (run("mlxq.cli", "models", "inspect", model) for model in (name, f"starter:{name}"))
    assert served.returncode == path.returncode == 0, served.stderr
    assert served.stdout.splitlines()[1:] == path.stdout.splitlines()[1:]
    lines = dict(line.split(":", 1) for line in served.stdout.splitlines())
    told = {label: value.strip() for label, value in lines.items()}
    assert (told["model type"], told["context length"]) == ("llama", "8192 tokens")
    assert told["chat template"] == "tokenizer_config.json"
    assert told["tool calls"] == "none. The chat template takes no tools."
    assert told["thinking"].startswith("none. Neither the chat template nor a special token")


def test_the_command_prints_json(folder: Path) -> None:
    config = folder / "models.yaml"
    config.write_text(yaml.safe_dump({"models": [{"model_path": str(folder), "served_model_name": "mine"}]}))
    done = run("mlxq.cli", "models", "inspect", "mine", "--config", str(config), "--json")
    told = json.loads(done.stdout)
    assert (told["model"], told["reasoning_parser"], told["context_length"]) == ("mine", "qwen3", 40_960)


def test_neither_weights_nor_mlx_are_loaded(folder: Path) -> None:
    called = f"inspect.main([{str(folder)!r}], standalone_mode=False)"
    code = f"import sys; from workers.model_files import inspect; {called}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"mlx", "mlx.core", "mlx_lm", "transformers"} & set(done.stdout.split())


def test_a_model_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = run("workers.model_files.inspect", str(tmp_path / "gone"))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"mlxq: {tmp_path / 'gone'}: no such folder"]
    done = run("workers.model_files.inspect", "x", "--config", str(tmp_path / "gone.yaml"))
    assert done.returncode == 1 and "gone.yaml: no such file" in done.stderr

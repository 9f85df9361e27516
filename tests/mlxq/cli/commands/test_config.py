"""`mlxq config` tells what is wrong, and prints what editors want to know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mlxq.catalogue import schema
from mlxq.cli import main


def run(*words: str, **environ: str) -> Result:
    return CliRunner(env={"MLXQ_CONFIG": None, "MLXQ_HOME": None, **environ}).invoke(main, ["config", *words])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "models.yaml"


def test_a_right_file_is_right_and_nothing_is_written(file: Path) -> None:
    file.write_text("models: [{model_path: a}, {model_path: b, model_type: whisper}]")
    done = run("check", "--config", str(file), MLXQ_HOME=str(file.parent / "home"), MLXQ_REDIS_PORT="7000")
    assert (done.exit_code, done.output) == (0, f"{file}: 2 models, nothing is wrong\n")
    assert not (file.parent / "home").exists()


def test_all_that_is_wrong_in_a_file_is_told_at_once(file: Path) -> None:
    file.write_text("models: [{model_path: a, kv_bit: 4}, {model_path: b, model_type: whisper, kv_bits: 4}]")
    done = run("check", MLXQ_CONFIG=str(file))
    assert done.exit_code == 1
    first, second = done.output.splitlines()
    assert "models[0] 'a': unknown key 'kv_bit'; did you mean 'kv_bits'?" in first
    assert "models[1] 'b': 'kv_bits' is for lm and multimodal models, not for whisper models" in second


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"MLXQ_TIMEOUT": "soon"}, "MLXQ_TIMEOUT='soon'"),
        ({"MLXQ_HOST": "0.0.0.0"}, "refusing to listen on 0.0.0.0 without authentication"),  # noqa: S104
        ({"MLXQ_CONFIG": "/nowhere/models.yaml"}, "no such file"),
    ],
)
def test_a_wrong_environment_is_told(file: Path, environ: dict[str, str], message: str) -> None:
    file.write_text("models: [{model_path: a}]")
    done = run("check", **{"MLXQ_CONFIG": str(file), **environ})
    assert done.exit_code == 1 and message in done.output


def test_the_schema_is_printed_as_json() -> None:
    assert json.loads(run("schema").output) == json.loads(json.dumps(schema()))

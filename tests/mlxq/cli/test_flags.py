"""One model on the command line is the same entry as in a models' file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from mlxq.catalogue import Catalogue
from mlxq.cli import main
from mlxq.cli.commands.launch import _one_model
from mlxq.entries import ENTRIES, MODEL_TYPES
from mlxq.entries.image_generation import ImageGenerationEntry
from mlxq.entries.lm import LmEntry
from mlxq.entries.model_entry import ModelEntry


def served(tmp_path: Path, **given: Any) -> ModelEntry:
    """The entry that flags make, by the way of the file that `mlxq launch` writes."""
    path = _one_model({"model_path": "org/model", **given}, {"MLXQ_HOME": str(tmp_path)})
    return Catalogue.load(path).get(given.get("served_model_name", "org/model"))


def test_an_image_model_is_given_with_its_options(tmp_path: Path) -> None:
    scales = {"lora_paths": "a.safetensors, b.safetensors", "lora_scales": "1,0.5"}
    entry = served(tmp_path, model_type="image-generation", config_name="flux-dev", quantize="8", **scales)
    assert entry == ImageGenerationEntry(
        model_path="org/model",
        config_name="flux-dev",
        quantize=8,
        lora_paths=("a.safetensors", "b.safetensors"),
        lora_scales=(1.0, 0.5),
    )


def test_a_text_model_is_given_with_its_options(tmp_path: Path) -> None:
    keys = {"kv_bits": "4", "context_length": "512", "default_top_p": "0.5", "tool_call_parser": "hermes"}
    entry = served(tmp_path, served_model_name="mine", trust_remote_code=True, **keys)
    assert entry == LmEntry(
        model_path="org/model",
        served_model_name="mine",
        trust_remote_code=True,
        kv_bits=4,
        context_length=512,
        default_top_p=0.5,
        tool_call_parser="hermes",
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lora_scales": "much"}, "--lora-scales must be a list of numbers from -10 to 10, not 'much'"),
        ({"quantize": "5"}, "--quantize must be one of 4, 8, 16, not '5'"),
        ({"kv_bits": "eight"}, "--kv-bits must be one of 2, 4, 8"),
        ({"queue_size": "0"}, "--queue-size must be a whole number of at least 1, not '0'"),
        ({"default_temperature": "nan"}, "--default-temperature must be a number from 0 to 2"),
        ({"tool_call_parser": "hermse"}, "did you mean 'hermes'?"),
        ({"config_name": "flux-devv", "model_type": "image-generation"}, "did you mean 'flux-dev'?"),
    ],
)
def test_a_wrong_value_is_refused_by_its_flag(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(click.UsageError) as caught:
        _one_model({"model_path": "x", **given}, {"MLXQ_HOME": str(tmp_path)})
    assert message in str(caught.value)


def test_a_flag_of_another_model_type_is_refused(tmp_path: Path) -> None:
    environ = {"MLXQ_HOME": str(tmp_path)}
    done = CliRunner(env=environ).invoke(main, ["launch", "--model-path", "x", "--quantize", "8"])
    assert done.exit_code == 1
    assert "'quantize' is for image-generation and image-edit models, not for lm models" in done.output


def test_every_key_is_a_flag_and_the_help_says_what_it_means() -> None:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(main, ["launch", "--help"])
    keys = {key for name in MODEL_TYPES for key in ENTRIES[name].__struct_fields__} - {"options"}
    missing = [key for key in keys if f"--{key.replace('_', '-')}" not in done.output]
    assert missing == [] and "LoRA or DoRA adapter" in done.output

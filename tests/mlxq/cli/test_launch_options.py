"""One model on the command line is the same entry as in a models' file."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from mlxq.catalogue import Catalogue
from mlxq.cli.launch import _one_model


def test_an_image_model_is_given_with_its_options(tmp_path: Path) -> None:
    given = {
        "model_path": "org/model",
        "model_type": "image-generation",
        "config_name": "flux-dev",
        "quantize": "8",
        "lora_paths": "a.safetensors,b.safetensors",
        "lora_scales": "1,0.5",
    }
    entry = Catalogue.load(_one_model(given, {"MLXQ_HOME": str(tmp_path)})).get("org/model")
    assert (entry.config_name, entry.quantize) == ("flux-dev", 8)
    assert (entry.lora_paths, entry.lora_scales) == (("a.safetensors", "b.safetensors"), (1.0, 0.5))


def test_a_scale_that_is_no_number_is_refused_by_its_option(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="--lora-scales: could not convert"):
        _one_model({"model_path": "x", "lora_scales": "much"}, {"MLXQ_HOME": str(tmp_path)})

"""The models' file is checked before anything starts, and what is wrong in it is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlxq import configuration
from mlxq.catalogue import Catalogue, CatalogueError


def parse(*models: Any, **server: Any) -> Catalogue:
    return Catalogue.parse({"models": list(models), "server": server}, "models.yaml")


def test_a_model_is_served_under_its_path_unless_named() -> None:
    catalogue = parse({"model_path": "org/model"}, {"model_path": "/x", "served_model_name": "x", "context_length": 9})
    assert [entry.name for entry in catalogue] == ["org/model", "x"]
    assert catalogue.get("x").context_length == 9 and catalogue.get("org/model").model_type == "lm"
    with pytest.raises(CatalogueError, match="no model 'y'"):
        catalogue.get("y")


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({}, "'model_path' is required"),
        ("name", "must be a mapping"),
        ({"model_path": "x", "on_demand": True}, "'on_demand' is not built yet"),
        ({"model_path": "x", "quantize": 5}, "'quantize' must be one of 4, 8, 16"),
        ({"model_path": "x", "lora_paths": "a"}, "'lora_paths' must be a list of strings"),
        ({"model_path": "x", "lora_paths": ["a"], "lora_scales": ["1"]}, "'lora_scales' must be a list of numbers"),
        ({"model_path": "x", "lora_paths": ["a"], "lora_scales": [1, 1]}, "one number for each of 'lora_paths'"),
        ({"model_path": "x", "kv_bits": 3}, "'kv_bits' must be one of 2, 4, 8"),
        ({"model_path": "x", "default_top_p": 0}, "'default_top_p' must be a number above 0, up to 1"),
        ({"model_path": "x", "default_top_k": 1.5}, "'default_top_k' must be a whole number"),
        ({"model_path": "x", "trust_remote_code": 1}, "'trust_remote_code' must be true or false"),
        ({"model_path": "x", "tool_call_parser": 4}, "'tool_call_parser' must be a string"),
        ({"model_path": "x", "reasoning_parser": ""}, "'reasoning_parser' must be a string"),
        ({"model_path": "x", "enable_auto_tool_choice": "yes"}, "'enable_auto_tool_choice' must be true or false"),
        ({"model_path": "x", "disable_auto_resize": False}, "'disable_auto_resize' must be true, as pictures are"),
        ({"model_path": "x", "context_lenght": 4}, "unknown key 'context_lenght'; did you mean 'context_length'"),
        ({"model_path": "x", "model_type": "image-generator"}, "'model_type' must be one of"),
        ({"model_path": "x", "queue_size": 0}, "'queue_size' must be a whole number of at least 1"),
        ({"model_path": "x", "queue_size": True}, "'queue_size' must be"),
        ({"model_path": "x", "default_temperature": "hot"}, "'default_temperature' must be"),
        ({"model_path": "x", "served_model_name": "a b"}, "'served_model_name'"),
    ],
)
def test_a_wrong_model_is_told_where_and_what(model: Any, told: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        parse({"model_path": "fine"}, model)
    assert told in str(caught.value) and "models.yaml: models[1]" in str(caught.value)


def test_the_reference_server_s_keys_of_tools_and_thinking_are_taken() -> None:
    keys = {"tool_call_parser": "qwen3_coder", "reasoning_parser": "none", "message_converter": "qwen3_coder"}
    entry = parse({"model_path": "x", "enable_auto_tool_choice": True, **keys}).get("x")
    assert (entry.tool_call_parser, entry.reasoning_parser) == ("qwen3_coder", "none")
    entry = parse({"model_path": "x"}).get("x")
    assert (entry.tool_call_parser, entry.reasoning_parser) == (None, None)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (None, "models"),
        ({"models": []}, "at least one"),
        ({"models": [{"model_path": "x"}], "sever": {}}, "did you mean 'server'"),
        ({"models": [{"model_path": "x"}], "server": {"log_file": "x"}}, "'log_file' is not built yet"),
        ({"models": [{"model_path": "x"}, {"model_path": "x"}]}, "served twice"),
    ],
)
def test_a_wrong_file_is_told_what(document: Any, told: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        Catalogue.parse(document, "models.yaml")
    assert told in str(caught.value)


def test_a_file_that_is_missing_or_no_yaml_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="MLXQ_CONFIG"):
        Catalogue.load(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("models: [")
    with pytest.raises(CatalogueError, match=r"bad\.yaml"):
        Catalogue.load(tmp_path / "bad.yaml")


def test_the_environment_goes_before_the_file_s_server_keys(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("server: {host: 0.0.0.0, port: 7000, log_level: debug}\nmodels: [{model_path: x}]")
    settings, catalogue = configuration.load({"MLXQ_CONFIG": str(path), "PORT": "7001"})
    assert (settings.host, settings.port, settings.log_level) == ("0.0.0.0", 7001, "DEBUG")  # noqa: S104
    assert [entry.name for entry in catalogue] == ["x"]
    path.write_text("server: {port: http}\nmodels: [{model_path: x}]")
    with pytest.raises(configuration.ConfigurationError, match=r"server\.port"):
        configuration.load({"MLXQ_CONFIG": str(path)})


def test_a_model_is_found_by_its_name_and_its_aliases() -> None:
    catalogue = parse({"model_path": "x", "aliases": ["gpt-4o", "openai/gpt-4o-mini"]}, {"model_path": "y"})
    found = [catalogue.find(name) for name in ("x", "gpt-4o", "openai/gpt-4o-mini", "y", "z")]
    assert [entry and entry.name for entry in found] == ["x", "x", "x", "y", None]


@pytest.mark.parametrize(
    ("models", "told"),
    [
        ([{"model_path": "x", "aliases": "gpt-4o"}], "'aliases' must be a list"),
        ([{"model_path": "x", "aliases": [""]}], "'aliases' must be a list"),
        ([{"model_path": "x", "aliases": ["a", "a"]}], "'a' is the name or alias of two"),
        ([{"model_path": "x", "aliases": ["x"]}], "'x' is the name or alias of two"),
        ([{"model_path": "x", "aliases": ["y"]}, {"model_path": "y"}], "'y' is the name or alias of two"),
        ([{"model_path": "x", "aliases": ["a"]}, {"model_path": "y", "aliases": ["a"]}], "'a' is the name or alias of"),
    ],
)
def test_a_name_that_two_models_have_is_refused(models: list[Any], told: str) -> None:
    with pytest.raises(CatalogueError, match=told):
        parse(*models)

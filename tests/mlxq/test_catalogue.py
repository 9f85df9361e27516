"""The models' file is checked before anything starts, and everything that is wrong in it is named at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlxq import configuration
from mlxq.catalogue import Catalogue, CatalogueError
from mlxq.entries import ENTRIES, MODEL_TYPES
from mlxq.entries.lm import LmEntry
from mlxq.entries.whisper import WhisperEntry, WhisperOptions


def parse(*models: Any, **server: Any) -> Catalogue:
    return Catalogue.parse({"models": list(models), "server": server}, "models.yaml")


def refusal(*models: Any, **server: Any) -> str:
    with pytest.raises(CatalogueError) as caught:
        parse(*models, **server)
    return str(caught.value)


def test_a_model_is_served_under_its_path_unless_named() -> None:
    catalogue = parse({"model_path": "org/model"}, {"model_path": "/x", "served_model_name": "x", "context_length": 9})
    assert [entry.name for entry in catalogue] == ["org/model", "x"]
    named = catalogue.get("x")
    assert isinstance(named, LmEntry) and named.context_length == 9
    assert catalogue.get("org/model").model_type == "lm"
    with pytest.raises(CatalogueError, match="no model 'y'"):
        catalogue.get("y")


def test_an_entry_is_the_struct_of_its_model_type() -> None:
    entry = parse({"model_path": "x", "model_type": "whisper", "options": {"max_seconds": 60}}).get("x")
    assert entry == WhisperEntry(model_path="x", options=WhisperOptions(max_seconds=60.0))
    for name, kind in ENTRIES.items():
        assert parse({"model_path": "x", "model_type": name}).get("x") == kind(model_path="x")


def test_a_key_without_a_value_is_one_that_is_left_out() -> None:
    assert parse({"model_path": "x", "queue_size": None, "kv_bits": None}).get("x") == LmEntry(model_path="x")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({}, "'model_path' is required"),
        ({"model_path": ""}, "'model_path' must be a string"),
        ("name", "must be a mapping"),
        ({"model_path": "x", "on_demand": 1}, "'on_demand' must be true or false, not 1"),
        ({"model_path": "x", "on_demand_idle_timeout": 0}, "'on_demand_idle_timeout' must be a whole number of at"),
        ({"model_path": "x", "kv_bits": 3}, "'kv_bits' must be one of 2, 4, 8, not 3"),
        ({"model_path": "x", "kv_bits": True}, "'kv_bits' must be one of 2, 4, 8, not True"),
        ({"model_path": "x", "default_top_p": 2}, "'default_top_p' must be a number from 0 to 1, not 2"),
        ({"model_path": "x", "default_top_k": 1.5}, "'default_top_k' must be a whole number from 0 to"),
        ({"model_path": "x", "default_temperature": "hot"}, "'default_temperature' must be a number from 0 to 2"),
        ({"model_path": "x", "default_temperature": float("nan")}, "'default_temperature' must be"),
        ({"model_path": "x", "default_temperature": True}, "'default_temperature' must be"),
        ({"model_path": "x", "default_seed": 2**63}, "'default_seed' must be a whole number from -9223372036854775808"),
        ({"model_path": "x", "trust_remote_code": 1}, "'trust_remote_code' must be true or false, not 1"),
        ({"model_path": "x", "tool_call_parser": 4}, "'tool_call_parser' must be one of apertus,"),
        ({"model_path": "x", "tool_call_parser": "hermse"}, "not 'hermse'; did you mean 'hermes'?"),
        ({"model_path": "x", "reasoning_parser": "qwen9"}, "'reasoning_parser' must be one of apertus,"),
        ({"model_path": "x", "enable_auto_tool_choice": "yes"}, "'enable_auto_tool_choice' must be true or false"),
        ({"model_path": "x", "disable_auto_resize": 1}, "'disable_auto_resize' must be true or false, not 1"),
        ({"model_path": "x", "context_lenght": 4}, "unknown key 'context_lenght'; did you mean 'context_length'?"),
        (
            {"model_path": "x", "zzz": 4},
            "unknown key 'zzz'. The keys here are model_path, served_model_name, aliases, queue_size",
        ),
        ({"model_path": "x", 7: 4}, "unknown key '7'"),
        ({"model_path": "x", "model_type": "image-generator"}, "did you mean 'image-generation'?"),
        ({"model_path": "x", "model_type": ["lm"]}, "'model_type' must be one of lm, multimodal"),
        ({"model_path": "x", "queue_size": 0}, "'queue_size' must be a whole number of at least 1, not 0"),
        ({"model_path": "x", "queue_size": True}, "'queue_size' must be"),
        ({"model_path": "x", "queue_size": "100"}, "'queue_size' must be a whole number"),
        ({"model_path": "x", "queue_size": [1]}, "'queue_size' must be"),
        ({"model_path": "x", "served_model_name": "a b"}, "'served_model_name' must be letters, digits and . _ / @ -"),
        ({"model_path": "x", "served_model_name": "a\n"}, "'served_model_name' must be letters, digits"),
        ({"model_path": "x", "served_model_name": 7}, "'served_model_name' must be letters, digits"),
        ({"model_path": "starter:x"}, "'served_model_name' is needed, as the path 'starter:x'"),
    ],
)
def test_a_wrong_model_is_told_where_and_what(model: Any, message: str) -> None:
    told = refusal({"model_path": "fine"}, model)
    assert message in told and "models.yaml: models[1]" in told and len(told.splitlines()) == 1


IMAGE = {"model_path": "x", "model_type": "image-generation"}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"quantize": 5}, "'quantize' must be one of 4, 8, 16, not 5"),
        ({"lora_paths": "a"}, "'lora_paths' must be a list of strings"),
        ({"lora_paths": [""]}, "'lora_paths' must be a list of strings"),
        ({"lora_paths": ["a"], "lora_scales": ["1"]}, "'lora_scales' must be a list of numbers from -10 to 10"),
        ({"lora_paths": ["a"], "lora_scales": [1, 1]}, "one number for each of 'lora_paths'"),
        ({"config_name": "flux-dve"}, "did you mean 'flux-dev'?"),
        ({"config_name": "flux-fill-dev"}, ", not 'flux-fill-dev', which is for image-edit models"),
        ({"options": 5}, "'options' must be a mapping"),
        ({"options": {"max_pixel": 5}}, "unknown key 'options.max_pixel'; did you mean 'max_pixels'?"),
        (
            {"options": {"max_seconds": 5}},
            "'options.max_seconds' is for whisper and speech-to-text models, not for image-generation models",
        ),
        ({"options": {"max_pixels": "many"}}, "'options.max_pixels' must be a whole number of at least 1, not 'many'"),
        ({"options": {"transformer_overrides": 5}}, "'options.transformer_overrides' must be a mapping"),
    ],
)
def test_a_wrong_image_model_is_told_where_and_what(keys: dict[str, Any], message: str) -> None:
    told = refusal({**IMAGE, **keys})
    assert message in told and told.startswith("models.yaml: models[0] 'x': ")


# A value that is right where the key is.
RIGHT: dict[str, Any] = {
    "kv_bits": 8,
    "draft_model_path": "y",
    "default_top_p": 0.5,
    "quantize": 8,
    "context_length": 9,
    "options": {},
    "adapter_path": "y",
    "tool_call_parser": "hermes",
    "config_name": "flux-dev",
    "lora_paths": ["y"],
}


@pytest.mark.parametrize("key", RIGHT)
@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_a_key_of_another_model_type_is_refused_with_where_it_belongs(key: str, model_type: str) -> None:
    model = {"model_path": "x", "model_type": model_type, key: RIGHT[key]}
    owners = [name for name in MODEL_TYPES if key in ENTRIES[name].__struct_fields__]
    assert owners
    if model_type not in owners:
        told = refusal(model)
        assert f"'{key}' is for " in told and f"not for {model_type} models; take it out" in told
        assert all(owner in told for owner in owners)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"prompt_lookup_num_tokens": 4, "draft_model_path": "y"}, "are two ways to draft; take one of them out"),
        ({"prompt_lookup_num_tokens": 33}, "'prompt_lookup_num_tokens' must be a whole number from 0 to 32, not 33"),
        ({"adapter_path": "y", "adapters": {"z": "z"}}, "'adapter_path' is laid over the model for good"),
    ],
)
def test_what_a_text_model_cannot_do_is_told(entry: dict[str, Any], message: str) -> None:
    assert message in refusal({"model_path": "x", "model_type": "lm", **entry})
    assert parse({"model_path": "x", "model_type": "lm", "prompt_lookup_num_tokens": 0, "draft_model_path": "y"})


def test_every_fault_of_every_entry_and_of_the_server_is_told_at_once() -> None:
    told = refusal(
        {"model_path": "a", "kv_bits": 3, "queue_sise": 1, "reasoning_parser": "x"},
        {"model_path": "b"},
        {"served_model_name": "c", "model_type": "whisper", "quantize": 4, "options": {"max_seconds": 0, "x": 1}},
        {**IMAGE, "model_path": "d", "lora_scales": [1], "config_name": "x"},
        {"model_type": "text"},
        {},
        {"kv_bits": 4},
        {"model_path": "b"},
        port="http",
        log_level="loud",
        no_log_file="maybe",
        prot=1,
    ).splitlines()
    expected = [
        "models.yaml: server.port='http': must be a whole number from 1 to 65535",
        "models.yaml: server.log_level='loud': must be one of",
        "models.yaml: server.no_log_file='maybe': must be 1 or 0",
        "models.yaml: server: unknown key 'prot'; did you mean 'port'?",
        "models.yaml: models[0] 'a': unknown key 'queue_sise'; did you mean 'queue_size'?",
        "models.yaml: models[0] 'a': 'kv_bits' must be",
        "models.yaml: models[0] 'a': 'reasoning_parser' must be",
        "models.yaml: models[2] 'c': 'quantize' is for",
        "models.yaml: models[2] 'c': 'model_path' is required",
        "models.yaml: models[2] 'c': unknown key 'options.x'",
        "models.yaml: models[2] 'c': 'options.max_seconds' must be a number above 0, not 0",
        "models.yaml: models[3] 'd': 'config_name' must be",
        "models.yaml: models[3] 'd': 'lora_scales' must hold one number",
        "models.yaml: models[4]: 'model_type' must be",
        "models.yaml: models[5]: 'model_path' is required",
        "models.yaml: models[6]: 'model_path' is required",
        "models.yaml: models[7] 'b': 'b' is served twice",
    ]
    assert len(told) == len(expected)
    assert [line[: len(start)] for line, start in zip(told, expected, strict=True)] == expected


def test_the_reference_server_s_keys_of_tools_and_thinking_are_taken() -> None:
    keys = {"tool_call_parser": "qwen3_coder", "reasoning_parser": "none", "message_converter": "qwen3_coder"}
    entry = parse({"model_path": "x", "enable_auto_tool_choice": True, "disable_auto_resize": True, **keys}).get("x")
    assert isinstance(entry, LmEntry)
    assert (entry.tool_call_parser, entry.reasoning_parser) == ("qwen3_coder", "none")
    entry = parse({"model_path": "x"}).get("x")
    assert isinstance(entry, LmEntry) and (entry.tool_call_parser, entry.reasoning_parser) == (None, None)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (None, "models"),
        ([], "models"),
        ({"models": []}, "at least one"),
        ({"models": {"model_path": "x"}}, "'models' must be a list"),
        ({"server": {}}, "'models' must be a list"),
        ({"models": [{"model_path": "x"}], "server": [1]}, "'server' must be a mapping"),
        ({"models": [{"model_path": "x"}], "sever": {}}, "did you mean 'server'"),
        ({"models": [{"model_path": "x"}], "server": {"log_fiel": "x"}}, "did you mean 'log_file'?"),
        ({"models": [{"model_path": "x"}, {"model_path": "x"}]}, "served twice"),
        ({"models": [{"model_path": "x"}, {"model_path": "y", "served_model_name": "x"}]}, "served twice"),
    ],
)
def test_a_wrong_file_is_told_what(document: Any, message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        Catalogue.parse(document, "models.yaml")
    assert message in str(caught.value)


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
    path.write_text("server: {host: , port: '7002'}\nmodels: [{model_path: x}]")
    settings, _ = configuration.load({"MLXQ_CONFIG": str(path)})
    assert (settings.host, settings.port) == ("127.0.0.1", 7002)
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

"""The structs of the models' file are what files, engines, requests and editors have in common."""

from __future__ import annotations

import importlib.util
from typing import Any, get_args

import jsonschema
import pytest
from msgspec import structs

from mlxq import names, ranges
from mlxq.catalogue import Catalogue, CatalogueError, schema
from mlxq.checks import checked, meaning
from mlxq.entries import ENTRIES, MODEL_TYPES
from mlxq.entries.image_edit import ImageEditEntry
from mlxq.entries.image_generation import ImageGenerationEntry
from mlxq.entries.lm import LmEntry
from mlxq.entries.text import TextEntry
from schemas.text.chat import ChatSchema
from schemas.text.completions import CompletionsSchema
from workers.engines.images.variants import VARIANTS
from workers.parsers import registry

VALIDATOR = jsonschema.Draft202012Validator(schema())


@pytest.mark.parametrize("name", ENTRIES)
def test_every_model_type_has_an_engine(name: str) -> None:
    assert importlib.util.find_spec(f"workers.engines.{name.replace('-', '_')}")


@pytest.mark.parametrize("name", ENTRIES)
def test_every_key_has_a_meaning(name: str) -> None:
    assert all(meaning(one.type) for one in structs.fields(ENTRIES[name]) if one.encode_name != "options")


def test_the_names_to_choose_from_are_the_workers() -> None:
    assert set(get_args(names.ToolCallParser)) == {*registry.names("tools"), "none"}
    assert set(get_args(names.ReasoningParser)) == {*registry.names("reasoning"), "none"}
    assert set(get_args(names.ImageEdit)) == {name for name, variant in VARIANTS.items() if variant.edits}
    assert set(get_args(names.ImageGeneration)) == set(VARIANTS) - set(get_args(names.ImageEdit))


def test_the_kinds_of_image_model_that_nobody_chose_are_mlx_openai_server_s() -> None:
    assert ImageGenerationEntry(model_path="x").config_name == "flux-schnell"
    assert ImageEditEntry(model_path="x").config_name == "flux-kontext-dev"


def test_every_sampling_setting_has_a_default_in_a_text_model_s_entry() -> None:
    keys = {key.removeprefix("default_") for key in TextEntry.__struct_fields__ if key.startswith("default_")}
    assert keys == set(ranges.SAMPLING)
    entry = LmEntry(model_path="x", default_top_k=5, default_temperature=0.0)
    assert entry.defaults == {"top_k": 5, "temperature": 0.0}


EDGES = (-(2**63) - 1, -(2**63), -2.1, -2, -1, -0.1, 0, 0.001, 0.01, 0.5, 0.6, 1, 1.1, 2, 2.1, 10, 100, 101, 2**31 - 1,
         2**31, 2**63 - 1, 2**63)  # fmt: skip


@pytest.mark.parametrize("name", ranges.SAMPLING)
def test_a_default_may_be_what_a_request_may_ask_for(name: str) -> None:
    """A request may ask for -1 of `top_k`, another name of 0."""
    body: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    assert name in ChatSchema._declared_fields and name in CompletionsSchema._declared_fields
    for value in EDGES:
        if (name, value) == ("top_k", -1):
            continue
        assert fits(value, ranges.SAMPLING[name]) == (not ChatSchema().validate({**body, name: value})), value


def fits(value: object, kind: Any) -> bool:
    try:
        checked(value, kind)
    except ValueError:
        return False
    return True


FILES: list[dict[str, Any]] = [
    {"model_path": "x"},
    {"model_path": "x", "model_type": "lm", "kv_bits": 8},
    {"model_path": "x", "kv_bits": 3},
    {"model_path": "x", "quantize": 8},
    {"model_path": "x", "zzz": 8},
    {"model_path": "x", "queue_size": 0},
    {"model_path": "x", "disable_auto_resize": False},
    {"model_path": "x", "disable_auto_resize": 1},
    {"model_path": "x", "debug": "yes"},
    {"model_path": "x", "reasoning_parser": "qwen9"},
    {"model_path": "x", "default_top_p": 2},
    {"model_path": "x", "served_model_name": "a b"},
    {"model_type": "lm"},
    {"model_path": "x", "model_type": "whisper", "kv_bits": 8},
    {"model_path": "x", "model_type": "whisper", "options": {"max_seconds": 5}},
    {"model_path": "x", "model_type": "whisper", "options": {"max_second": 5}},
    {"model_path": "x", "model_type": "image-edit", "config_name": "flux-dev"},
    {"model_path": "x", "model_type": "image-edit", "lora_paths": ["a"], "lora_scales": [0.5]},
    {"model_path": "x", "model_type": "image-edit", "lora_scales": [11]},
    {"model_path": "x", "model_type": "paintings"},
    *({"model_path": "x", "model_type": name} for name in MODEL_TYPES),
]


@pytest.mark.parametrize("model", FILES, ids=str)
@pytest.mark.parametrize("server", [{}, {"port": 8000, "log_level": "debug"}, {"port": 0}, {"hots": "x"}], ids=str)
def test_an_editor_finds_right_what_the_server_does(model: dict[str, Any], server: dict[str, Any]) -> None:
    document = {"server": server, "models": [model]}
    try:
        Catalogue.parse(document, "models.yaml")
        right = True
    except CatalogueError:
        right = False
    assert VALIDATOR.is_valid(document) == right

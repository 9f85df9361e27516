"""A rename in mflux is found before a model is loaded."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from mflux import models
from mflux.models.common.config.model_config import AVAILABLE_MODELS, ModelConfig

from workers.engines.images.variants import VARIANTS
from workers.model_files.mflux_check import LEFT_OUT, problems


def test_every_model_of_mflux_is_served_or_left_out_with_its_reason() -> None:
    served = {variant.config for variant in VARIANTS.values()}
    assert {id(getattr(ModelConfig, name)()) for name in served} == {id(config) for config in AVAILABLE_MODELS.values()}
    kinds = {name for module in modules() for name, kind in vars(module).items() if draws(kind, module)}
    assert kinds == {variant.model.partition(":")[2] for variant in VARIANTS.values()} | LEFT_OUT.keys()


@pytest.mark.parametrize("name", [name for name, variant in VARIANTS.items() if variant.lora])
def test_adapters_belong_where_mflux_lays_them(name: str) -> None:
    family = VARIANTS[name].model.partition(".")[0]
    sources = (Path(models.__path__[0]) / family).glob("*initializer.py")
    assert any(f"{VARIANTS[name].lora.partition(':')[2]}.get_mapping()" in source.read_text() for source in sources)


def modules() -> Iterator[ModuleType]:
    """mflux's modules of variants."""
    for found in pkgutil.walk_packages(models.__path__, f"{models.__name__}."):
        if ".variants." in found.name and not found.ispkg:
            yield importlib.import_module(found.name)


def draws(kind: object, module: ModuleType) -> bool:
    return isinstance(kind, type) and kind.__module__ == module.__name__ and "generate_image" in vars(kind)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_kind_of_image_model_fits_the_installed_mflux(name: str) -> None:
    assert list(problems(VARIANTS[name])) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"model": "flux.variants.txt2img.flux:Flux9"}, "Flux9"),
        ({"model": "flux9.variants.txt2img.flux:Flux1"}, "flux9"),
        ({"config": "dev9"}, "dev9"),
        ({"canvas": "flux.Flux9"}, "Flux9"),
        ({"canvas": "flux2.Klein"}, "Flux1 has no _encode_prompt_pair"),
        ({"model": "fibo.variants.txt2img.fibo:FIBO"}, "FIBO() takes no lora_paths"),
        ({"model": "flux3.variants.txt2img.flux3_klein:Flux3Klein"}, "generate_image takes no image_strength"),
        ({"images": 1, "mask": "taken", "strength": False}, "takes no mask_path"),
    ],
)
def test_what_does_not_fit_is_named(changed: dict[str, str], told: str) -> None:
    found = list(problems(replace(VARIANTS["flux-dev"], **changed)))  # type: ignore[arg-type]
    assert any(told in one for one in found), found

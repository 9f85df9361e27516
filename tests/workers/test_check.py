"""A rename in mflux is found before a model is loaded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workers.check import problems
from workers.engines.images.variants import VARIANTS


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

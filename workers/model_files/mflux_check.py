"""`python -m workers.model_files.mflux_check`: whether every kind of image model fits the mflux that is installed.

It loads no weights: it looks for the classes, their arguments and what else we call, so that a rename there is known
before a model is loaded. Exit code 1 when something does not fit.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from mlxq.entries.image_generation import ImageGenerationEntry
from workers.engines.images.variants import VARIANTS, Variant

LEFT_OUT = {
    "Flux1Concept": "makes a heat map of where a word of the prompt is seen, beside the image",
    "Flux1ConceptFromImage": "makes a heat map of where a word is seen in an image, and no other image",
}  # mflux's classes that no kind of image model is of
PICTURES = frozenset(
    {
        "image_path",
        "image_paths",
        "controlnet_image_path",
        "controls",
        "depth_image_path",
        "left_image_path",
        "redux_image_paths",
    }
)
STRENGTHS = frozenset({"controlnet_strength", "redux_image_strengths"})


def problems(variant: Variant) -> Iterator[str]:
    """What does not fit, a sentence each."""
    from workers.engines.images import loading

    try:
        kind, canvas = loading.model_class(variant), loading.canvas_class(variant)
        given = loading.arguments(variant, ImageGenerationEntry(model_path="m"), "m")
        if variant.lora:
            loading.named(variant.lora)
    except (ImportError, AttributeError) as error:
        yield str(error)
        return
    yield from _unknown(kind, given)
    yield from (f"{kind.__name__} has no {name}" for name in canvas.USES if not hasattr(kind, name))
    if canvas.ALONE:
        yield from _rolled(kind)
    yield from _undrawn(variant, kind, canvas.TAKES)


def _rolled(kind: type) -> Iterator[str]:
    """Why its loop cannot be stopped after a step, if so."""
    from workers.engines.images.unroll import Unsuitable, unrolled

    try:
        unrolled(kind)
    except Unsuitable as error:
        yield str(error)


def _unknown(kind: type, given: dict[str, object]) -> Iterator[str]:
    taken = inspect.signature(kind).parameters
    yield from (f"{kind.__name__}() takes no {name}" for name in given if name not in taken)


def _undrawn(variant: Variant, kind: type, always: tuple[str, ...]) -> Iterator[str]:
    """What `generate_image` does not take, though the variant says so."""
    taken = set(inspect.signature(getattr(kind, "generate_image", lambda: None)).parameters)
    wanted = {
        "guidance": variant.guidance is not None,
        "negative_prompt": variant.negative and not variant.canvas.startswith("flux2."),  # ours reaches its encoder
        "image_strength": variant.strength,
        "image": variant.images > 0 and not taken & PICTURES,
        "strength of an image": variant.control is not None and not taken & STRENGTHS,
        "mask_path, mask_image or masked_image_path": variant.mask != "none"
        and not taken & {"mask_path", "mask_image", "masked_image_path"},
    }
    for name in always:
        if name not in taken:
            yield f"{kind.__name__}.generate_image takes no {name}"
    for name, needed in wanted.items():
        if needed and name not in taken:
            yield f"{kind.__name__}.generate_image takes no {name}"


def main() -> None:
    """Say of each kind of image model whether it fits."""
    try:
        print(f"mflux {version('mflux')}")  # noqa: T201
    except PackageNotFoundError:
        sys.exit("mflux is not installed: install the 'images' extra")
    wrong = {name: faults for name, variant in VARIANTS.items() if (faults := list(problems(variant)))}
    for name in VARIANTS:
        print(f"{name}: {'; '.join(wrong[name]) if name in wrong else 'fits'}")  # noqa: T201
    for name, reason in LEFT_OUT.items():
        print(f"{name}: not served: it {reason}")  # noqa: T201
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

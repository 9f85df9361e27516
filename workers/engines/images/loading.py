"""From a models' file entry to an image engine."""

from __future__ import annotations

import copy
import importlib
import os
from pathlib import Path
from typing import Any

from mlxq.entries.image import ImageEntry
from mlxq.settings import Settings
from tasks.stored.blobs import BlobStore
from workers import blas
from workers.engine import Unservable
from workers.engines.images.variants import VARIANTS, Variant
from workers.model_files.model_path import local

blas.preload()
os.environ.setdefault("TQDM_DISABLE", "1")  # progress is told by events; a log wants no bars

import mlx.core as mx  # noqa: E402 - after OpenBLAS
from mflux.models.common.config.model_config import ModelConfig  # noqa: E402

from workers.engines.images.adapters import Adapters  # noqa: E402
from workers.engines.images.engine import ImageEngine  # noqa: E402
from workers.engines.images.plan import Planner  # noqa: E402

FULL = 16  # bits that are not quantised
OVERRIDES = ("transformer_overrides", "text_encoder_overrides")


class UnsupportedOption(Unservable):
    """A models' file entry asks for what its kind of image model cannot do."""


def model_class(variant: Variant) -> Any:
    """mflux's class of a variant."""
    return named(variant.model)


def named(name: str) -> Any:
    """What mflux has under module:name."""
    module, _, name = name.partition(":")
    return getattr(importlib.import_module(f"mflux.models.{module}"), name)


def canvas_class(variant: Variant) -> Any:
    """Our class that drives it, and knows how its latents are laid out."""
    module, name = variant.canvas.split(".")
    canvas = getattr(importlib.import_module(f"workers.engines.images.canvases.{module}"), name)
    more = {"CREATOR": named(variant.latents), "__module__": canvas.__module__} if variant.latents else {}
    return type(name, (canvas,), more) if more else canvas


def arguments(variant: Variant, entry: ImageEntry, path: str) -> dict[str, Any]:
    """What mflux's class is made with; the options `transformer_overrides` … are sizes of a model of another size."""
    config = copy.copy(getattr(ModelConfig, variant.config)())
    for name in OVERRIDES:
        setattr(config, name, {**getattr(config, name), **getattr(entry.options, name)})
    given: dict[str, Any] = {
        "model_path": path,
        "model_config": config,
        "quantize": None if entry.quantize == FULL else entry.quantize,
    }
    if variant.lora:
        laid = [*([variant.tuned] if variant.tuned else []), *entry.lora_paths]
        scales = [*([1.0] if variant.tuned else []), *(entry.lora_scales or [1.0] * len(entry.lora_paths))]
        given["lora_paths"], given["lora_scales"] = laid or None, scales or None
    elif key := next((key for key in ("lora_paths", "adapters") if getattr(entry, key)), None):
        raise UnsupportedOption(f"mflux lays no LoRA over {entry.config_name}; take '{key}' out")
    return given


def load(entry: ImageEntry, settings: Settings) -> ImageEngine:
    """The engine of a folder, or of a repository as mflux downloads it."""
    if not mx.metal.is_available():
        ModelConfig.precision = mx.float32  # a CPU multiplies nothing else quickly
    variant = VARIANTS[entry.config_name]
    folder = local(entry.model_path, settings.cache)
    model_arguments = arguments(variant, entry, entry.model_path if folder is None else str(folder))
    canvas, slots = canvas_class(variant), entry.batch_completion_size
    if canvas.ALONE and slots > 1:
        raise UnsupportedOption(f"{entry.config_name} draws one image at a time; take 'batch_completion_size' out")
    model = model_class(variant)(**model_arguments)
    adapters = None
    if entry.adapters:
        files = {name: Path(path).expanduser() for name, path in entry.adapters.items()}
        adapters = Adapters(model, files, named(variant.lora))
    blobs = BlobStore(settings.home / "blobs")
    planner = Planner(variant, blobs, entry.options.max_pixels, adapters=frozenset(entry.adapters))
    return ImageEngine(model, canvas, planner, adapters, slots=slots)

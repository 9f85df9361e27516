"""What the models' file may say of image models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct, field

from mlxq.entries.model_entry import ModelEntry, Name, about
from mlxq.ranges import Positive, Text

Scale: TypeAlias = Annotated[float, Meta(ge=-10, le=10)]


class ImageOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of an image, and sizes of a model that mflux does not know."""

    max_pixels: Annotated[Positive, about("pixels of an image")] = 2048 * 2048
    transformer_overrides: Annotated[dict[str, Any], about("sizes of the transformer, by mflux's names")] = {}
    text_encoder_overrides: Annotated[dict[str, Any], about("sizes of the text encoder, by mflux's names")] = {}


class ImageEntry(ModelEntry, frozen=True, kw_only=True):
    """What image models have in common."""

    config_name: str
    quantize: Annotated[
        Literal[4, 8, 16] | None, about("bits of the weights, by default as stored; 16 leaves them as they are")
    ] = None
    lora_paths: Annotated[tuple[Text, ...], about("adapters that are laid over the model")] = ()
    lora_scales: Annotated[tuple[Scale, ...], about("how strongly each of them is, by default 1")] = ()
    adapters: Annotated[dict[Name, Text], about("LoRA adapters that a request may choose: their names and files")] = (
        field(default_factory=dict)
    )
    batch_completion_size: Annotated[Positive, about("jobs whose steps take turns; the others wait in the queue")] = 1
    options: ImageOptions = ImageOptions()

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super().faults()
        if self.lora_scales and len(self.lora_scales) != len(self.lora_paths):
            yield ("lora_scales", "lora_paths"), "'lora_scales' must hold one number for each of 'lora_paths'"

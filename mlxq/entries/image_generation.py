"""What the models' file may say of a model that makes images."""

from __future__ import annotations

from typing import Annotated

from mlxq.entries.image import ImageEntry
from mlxq.entries.model_entry import about
from mlxq.names import ImageGeneration


class ImageGenerationEntry(ImageEntry, frozen=True, kw_only=True, tag="image-generation"):
    """A model that makes images."""

    config_name: Annotated[
        ImageGeneration, about("the kind of model, of one that edits by default `flux-kontext-dev`")
    ] = "flux-schnell"

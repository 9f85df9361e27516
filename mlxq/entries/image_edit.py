"""What the models' file may say of a model that edits images."""

from __future__ import annotations

from typing import Annotated

from mlxq.entries.image import ImageEntry
from mlxq.entries.model_entry import about
from mlxq.names import ImageEdit


class ImageEditEntry(ImageEntry, frozen=True, kw_only=True, tag="image-edit"):
    """A model that edits images."""

    config_name: Annotated[ImageEdit, about("the kind of model")] = "flux-kontext-dev"

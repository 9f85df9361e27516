"""The body of `POST /v1/images/edits`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, validates_schema

from schemas.fields import Text, about
from schemas.images.shared import ImagesSchema, Picture, Pictures, Real


class ImagesEditsSchema(ImagesSchema):
    """Images changed as a prompt says, where a `mask` is transparent or white."""

    ACCEPTED: ClassVar[frozenset[str]] = ImagesSchema.ACCEPTED | {"input_fidelity"}  # they are seen as they are

    ALIASES: ClassVar[Mapping[str, str]] = {"images": "image"}
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {**ImagesSchema.REFUSED, "markup": ()}

    image = Pictures()
    images = Pictures(metadata=about("The name of `image` in OpenAI's JSON."))
    prompt = Text(required=True)
    mask = Picture()
    image_strength = Real(0, 1, about("How strongly images lead a model that they lead, such as a ControlNet."))

    @validates_schema
    def has_pictures(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse a body without an image."""
        if "image" not in data and "images" not in data:
            raise ValidationError("an image to edit is required.", "image")

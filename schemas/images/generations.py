"""The body of `POST /v1/images/generations`."""

from __future__ import annotations

from schemas.fields import Text
from schemas.images.shared import ImagesSchema, Picture, Real


class ImagesGenerationsSchema(ImagesSchema):
    """Images of a prompt; with `image`, variations of an image that keep `image_strength` of it."""

    prompt = Text(required=True)
    image = Picture()
    image_strength = Real(0, 1)

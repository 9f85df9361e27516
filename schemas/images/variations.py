"""The body of `POST /v1/images/variations`."""

from __future__ import annotations

from schemas.fields import Text
from schemas.images.shared import ImagesSchema, Picture, Real


class ImagesVariationsSchema(ImagesSchema):
    """Images like another one, of which they keep `image_strength`; a prompt may say in which way."""

    image = Picture(required=True, error_messages={"required": "an image to vary is required."})
    prompt = Text()
    image_strength = Real(0, 1)

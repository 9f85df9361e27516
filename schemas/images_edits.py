"""The body of `POST /v1/images/edits`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from schemas.fields import Text, Upload
from schemas.images import ImagesSchema, Pictures


class ImagesEditsSchema(ImagesSchema):
    """Pictures changed as a prompt says, where a `mask` is transparent or white."""

    ACCEPTED: ClassVar[frozenset[str]] = ImagesSchema.ACCEPTED | {"input_fidelity"}  # they are seen as they are

    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {**ImagesSchema.REFUSED, "markup": ()}

    image = Pictures(required=True, error_messages={"required": "a picture to edit is required."})
    prompt = Text(required=True)
    mask = Upload()

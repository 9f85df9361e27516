"""The body of `POST /v1/embeddings`."""

from __future__ import annotations

from typing import ClassVar

from marshmallow import fields
from marshmallow.validate import OneOf, Range

from schemas.fields import Call, Count, about
from schemas.inputs import Inputs


class EmbeddingsSchema(Call):
    """Inputs to embed."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"user"})

    input = Inputs(required=True)
    encoding_format = fields.String(validate=OneOf(("float", "base64")))
    dimensions = Count(validate=Range(min=1), metadata=about("A smaller size for the vectors than the model's own."))

"""What `GET /v1/models` may be asked, which is Anthropic's way to go through a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Range

from schemas.fields import Body, Text, about


class CursorSchema(Body):
    """Base of Anthropic's queries of lists; everything arrives as a string."""

    limit = fields.Integer(load_default=20, validate=Range(min=1, max=1000))
    after_id = Text(metadata=about("The id after which the page begins."))
    before_id = Text(metadata=about("The id before which the page ends."))

    @validates_schema
    def one_way(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse two directions."""
        if "after_id" in data and "before_id" in data:
            raise ValidationError("contradicts 'after_id'; send one of the two.", "before_id")


class ModelListSchema(CursorSchema):
    """Which models to list; for clients of Anthropic's API, others get all."""

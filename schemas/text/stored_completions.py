"""What `/v1/chat/completions` may be asked of the chat completions that are stored, and their metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, pre_load
from marshmallow.validate import OneOf, Range

from schemas.fields import Body, Text, about
from schemas.jobs.jobs import metadata


class MetadataSchema(Body):
    """Other words about what is stored; null leaves none."""

    metadata = metadata(required=True, allow_none=True)

    @pre_load
    def sort_out(self, data: Any, **more: Any) -> Any:
        """Take null for no words, where elsewhere it counts as absent."""
        none = isinstance(data, Mapping) and data.get("metadata", ...) is None
        return super().sort_out({**data, "metadata": {}} if none else data, **more)


class PageSchema(Body):
    """A stretch of a list; everything arrives as a string."""

    after = Text(metadata=about("The id that the stretch before ended with."))
    limit = fields.Integer(load_default=20, validate=Range(min=1, max=100))
    order = fields.String(load_default="asc", validate=OneOf(("asc", "desc")))


class ChatCompletionListSchema(PageSchema):
    """Which stored chat completions to list."""

    model = Text()
    metadata = metadata()

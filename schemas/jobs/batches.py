"""The body of `POST /v1/batches`, and what `GET /v1/batches` may be asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from marshmallow import ValidationError, fields
from marshmallow.validate import Range

from schemas.fields import Body, Shapes, Text
from schemas.jobs.files import ExpirySchema
from schemas.jobs.jobs import metadata

_WINDOW = re.compile(r"(?P<count>\d{1,6})(?P<unit>[hd])", re.ASCII)
_SECONDS = {"h": 3600, "d": 86_400}
LONGEST = 7 * 86_400


class Window(NamedTuple):
    """A completion window as it was given, and its seconds."""

    text: str
    seconds: int


class WindowField(fields.Field[Window]):
    """Hours or days from `1h` to `7d`; OpenAI knows `24h` alone."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Window:
        match = _WINDOW.fullmatch(value) if isinstance(value, str) else None
        seconds = int(match["count"]) * _SECONDS[match["unit"]] if match else 0
        if not 0 < seconds <= LONGEST:
            raise ValidationError("must be hours or days from '1h' to '7d', as in '24h'.")
        return Window(value, seconds)

    def shape(self, _: Shapes) -> dict[str, Any]:
        """A number with its unit."""
        return {"type": "string", "pattern": "^[0-9]{1,6}[hd]$", "examples": ["24h"]}


class BatchSchema(Body):
    """Which file's lines to run, where, and until when."""

    input_file_id = Text(required=True)
    endpoint = Text(required=True)
    completion_window = WindowField(required=True)
    metadata = metadata()
    output_expires_after = fields.Nested(ExpirySchema)


class BatchListSchema(Body):
    """Which batches to list; everything arrives as a string."""

    after = Text()
    limit = fields.Integer(load_default=20, validate=Range(min=1, max=100))

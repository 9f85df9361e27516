"""The form of `POST /v1/files`, and what `GET /v1/files` may be asked."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import OneOf, Range

from schemas.fields import Body, Text, Upload

PURPOSES = ("assistants", "batch", "evals", "fine-tune", "user_data", "vision")
SHORTEST, LONGEST = 3600, 2_592_000  # seconds that OpenAI lets a file live


class ExpirySchema(Body):
    """How long something is kept, from when it is made; numbers of a form arrive as strings."""

    anchor = fields.String(required=True, validate=OneOf(("created_at",)))
    seconds = fields.Integer(required=True, validate=Range(min=SHORTEST, max=LONGEST))


class FileSchema(Body):
    """A file and what it is for."""

    file = Upload(required=True, error_messages={"required": "a file is required."})
    purpose = fields.String(required=True, validate=OneOf(PURPOSES))
    expires_after = fields.Nested(ExpirySchema)


class FileListSchema(Body):
    """Which files to list; everything arrives as a string."""

    after = Text()
    limit = fields.Integer(load_default=10_000, validate=Range(min=1, max=10_000))
    order = fields.String(load_default="desc", validate=OneOf(("asc", "desc")))
    purpose = fields.String(validate=OneOf((*PURPOSES, "batch_output")))

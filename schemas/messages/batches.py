"""The body of `POST /v1/messages/batches`, and what `GET /v1/messages/batches` may be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields
from marshmallow.validate import Length, Regexp

from schemas.containers import Items
from schemas.fields import Body, about
from schemas.server.models import CursorSchema

MOST = 50_000  # requests


class MessageBatchRequestSchema(Body):
    """One call of `POST /v1/messages`, and the name that its result will have."""

    custom_id = fields.String(
        required=True,
        validate=Regexp(r"[a-zA-Z0-9_-]{1,64}\Z", error="must be 1 to 64 letters, digits, hyphens and underscores."),
    )
    params = fields.Dict(
        keys=fields.String(),
        required=True,
        metadata=about("The call's body; what is wrong with it stands in its result."),
    )


class Requests(Items):
    """1 to 50,000 calls, whose names are all different."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(fields.Nested(MessageBatchRequestSchema), MOST, validate=Length(min=1), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        requests: list[dict[str, Any]] = super()._deserialize(value, attr, data, **kwargs)
        seen: set[str] = set()
        for index, asked in enumerate(requests):
            if asked["custom_id"] in seen:
                raise ValidationError({index: {"custom_id": ["is an earlier request's too."]}})
            seen.add(asked["custom_id"])
        return requests


class MessageBatchSchema(Body):
    """Calls of `POST /v1/messages` that are carried out as there is room, within a day."""

    requests = Requests(required=True)


class MessageBatchListSchema(CursorSchema):
    """Which batches of messages to list."""

"""The body of `POST /v1/jobs`, what `GET /v1/jobs` may be asked, and the messages of the jobs' websocket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range, Regexp

from schemas.containers import Entries, Items
from schemas.fields import Body, Count, Text, about

ENDS = ("succeeded", "failed", "cancelled", "expired")
STATUSES = ("queued", "running", *ENDS)
RESPONSE_ENDS = ("completed", "failed", "cancelled", "incomplete")
EVENTS = (*(f"job.{end}" for end in ENDS), *(f"response.{end}" for end in RESPONSE_ENDS))


def _labels() -> Items:
    return Items(Text(validate=Length(max=64)), most=16)


def _event_id() -> fields.String:
    # Ten digits are more than any attempt or event has, and fewer than Redis' 64 bits.
    return fields.String(validate=Regexp(r"[0-9]{1,10}(-[0-9]{1,10})?\Z", error="is not an event id, as in 1-12."))


class WebhookSchema(Body):
    """Where to tell of a job's end, and of which ends."""

    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {"secret": ()}  # all are signed with the server's

    url = Text(required=True, validate=Length(max=2048))
    events = Items(fields.String(validate=OneOf(EVENTS)), most=16, validate=Length(min=1))


def metadata(**more: Any) -> Entries:
    """A caller's own words about what it makes."""
    return Entries(
        keys=fields.String(validate=Length(min=1, max=64)),
        values=fields.String(validate=Length(max=512)),
        most=16,
        **more,
    )


class JobSchema(Body):
    """Any endpoint's call as a job: where it would go, what it would send."""

    url = Text(required=True, metadata=about("An endpoint's path, as in `/v1/chat/completions`."))
    body = fields.Dict(keys=fields.String(), required=True, metadata=about("What that endpoint would be sent."))
    metadata = metadata()
    labels = _labels()
    priority = Count(validate=Range(min=-10, max=10), metadata=about("Goes before jobs of lower priority."))
    ttl = Count(validate=Range(min=1), metadata=about("Seconds for which the result is kept."))
    webhook = fields.Nested(WebhookSchema)


class JobListSchema(Body):
    """Which jobs to list; everything arrives as a string."""

    status = fields.String(validate=OneOf(STATUSES))
    model = Text()
    endpoint = Text()
    limit = fields.Integer(load_default=20, validate=Range(min=1, max=100))
    after = Text()
    label = _labels()
    metadata = metadata()
    created_after = fields.Integer(validate=Range(min=0), metadata=about("Seconds since the epoch, from this one on."))
    created_before = fields.Integer(validate=Range(min=0), metadata=about("Seconds since the epoch, before this one."))
    include = fields.String(
        validate=OneOf(("sync", "batch")), metadata=about("Also synchronous calls, or lines of batches.")
    )
    idempotency_key = Text(metadata=about("The jobs of this `Idempotency-Key`, and nothing else."))
    owner = Text(metadata=about("`all`, or the id of a key; for the admin key."))


class EventListSchema(Body):
    """Where to go on in a job's events."""

    after = _event_id()


class JobsStreamMessageSchema(Body):
    """What a client says on the jobs' websocket."""

    type = fields.String(required=True, validate=OneOf(("subscribe", "unsubscribe", "ping")))
    id = Text(validate=Length(max=100))
    after = _event_id()

    @validates_schema
    def whose(self, data: Mapping[str, Any], **_: Any) -> None:
        """A subscription is to something."""
        if data["type"] != "ping" and "id" not in data:
            raise ValidationError(["this field is required."], field_name="id")

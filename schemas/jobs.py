"""The body of `POST /v1/jobs`, and what `GET /v1/jobs` may be asked."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range, Regexp

from schemas.fields import Body, Entries, Text

STATUSES = ("queued", "running", "succeeded", "failed", "cancelled", "expired")


def metadata() -> Entries:
    """A caller's own words about what it makes."""
    return Entries(
        keys=fields.String(validate=Length(min=1, max=64)),
        values=fields.String(validate=Length(max=512)),
        validate=Length(max=16),
    )


class JobSchema(Body):
    """Any endpoint's call as a job: where it would go, what it would send."""

    url = Text(required=True)
    body = fields.Dict(keys=fields.String(), required=True)
    metadata = metadata()


class JobListSchema(Body):
    """Which jobs to list; everything arrives as a string."""

    status = fields.String(validate=OneOf(STATUSES))
    model = Text()
    endpoint = Text()
    limit = fields.Integer(load_default=20, validate=Range(min=1, max=100))
    after = Text()
    include = fields.String(validate=OneOf(("sync", "batch")))
    idempotency_key = Text()


class EventListSchema(Body):
    """Where to go on in a job's events."""

    after = fields.String(validate=Regexp(r"^\d+(-\d+)?$", error="is no event id of ours, as in 1-12."))

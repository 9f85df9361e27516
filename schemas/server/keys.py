"""The body of `POST /v1/admin/keys`."""

from __future__ import annotations

from typing import ClassVar

from marshmallow.validate import Length, Range

from schemas.fields import Body, Count, Text, about

LONGEST = 10 * 365 * 86_400  # seconds


class KeySchema(Body):
    """Who a new key is for, how long it is good, and how much it may ask for."""

    STRICT: ClassVar[bool] = True  # a limit under a wrong name would be no limit

    label = Text(required=True, validate=Length(max=100), metadata=about("Whom the key is for."))
    expires_in = Count(validate=Range(min=1, max=LONGEST), metadata=about("Seconds for which the key is good."))
    concurrent_requests = Count(validate=Range(min=1, max=10_000))
    requests_per_minute = Count(validate=Range(min=1, max=100_000))
    unfinished_jobs = Count(validate=Range(min=1, max=1_000_000))

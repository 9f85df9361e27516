"""The webhook that a client asks for, in a header or in the body of a job."""

from __future__ import annotations

from collections.abc import Sequence

from mlxq.settings import Settings
from tasks.outbound.outbound import Outbound
from tasks.values.errors import InvalidValue
from tasks.values.job import Webhook


def webhook(settings: Settings, url: str, events: Sequence[str], param: str) -> Webhook:
    """A webhook that a client asked for; InvalidValue names `param` when the server cannot or must not call it."""
    if settings.webhook_secret is None:
        raise InvalidValue("webhooks are off here: the server's MLXQ_WEBHOOK_SECRET is not set", param=param)
    Outbound(settings.webhook_allow_private).vet(url, param)
    return Webhook(url, tuple(events))

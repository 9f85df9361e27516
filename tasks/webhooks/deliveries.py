"""Webhook deliveries: an event for each receiver, recorded in the same script as the end of a job or batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from mlxq.settings import Settings
from tasks.redis.records import Records
from tasks.redis.scripts import answers
from tasks.values import events, responses, results
from tasks.values.job import Job, Lane, Status, Webhook

KEPT = 86_400  # seconds that a delivery can be seen after its end, at least
DeliveryState: TypeAlias = Literal["pending", "delivered", "failed"]


class Delivery(msgspec.Struct, frozen=True):
    """One event for one receiver, until it was delivered or nobody tries any more.

    `own` says that the client named the URL, and not the server; `keep` is how many seconds it can be seen after
    its end.
    """

    id: str
    type: str
    url: str
    own: bool
    keep: int
    data: dict[str, Any]


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True):
    """One try: when (milliseconds since the epoch), for how many seconds, and what came of it."""

    at: int
    seconds: float
    status: int | None = None  # of the answer, if there was one
    error: str | None = None


class DeliveryRecord(NamedTuple):
    """A delivery with what has become of it; times in milliseconds since the epoch."""

    delivery: Delivery
    state: DeliveryState
    created: int
    due: int | None  # when it is tried next
    attempts: tuple[Attempt, ...]


def for_job(
    settings: Settings, job: Job, status: Status, event: events.Terminal, result: bytes = b""
) -> tuple[Delivery, ...]:
    """The deliveries of a job's end with this result; that of a response produces OpenAI's events, too."""
    data: dict[str, Any] = {
        "id": job.id,
        "object": "job",
        "status": status,
        "endpoint": job.endpoint,
        "model": job.model,
        "created_at": job.created // 1000,
        "metadata": job.metadata,
        "labels": job.labels,
        "request_id": job.request_id,
    }
    if isinstance(event, events.Failed):
        data["error"] = {"code": event.failure.code, "message": event.failure.message}
    # A client that waits for the answer needs no webhook, and for lines of a batch there are the batch's own events.
    everywhere = job.detached and job.lane is not Lane.BATCH
    server = settings.webhook_url if everywhere else None
    keep = max(job.keep, KEPT)
    generic = for_receivers(server, job.webhook, f"job.{status}", data, keep)
    if job.options.response is None:
        return generic
    shown = {"id": responses.id_of(job.id)}
    return (*generic, *for_receivers(server, job.webhook, f"response.{_answered(status, result)}", shown, keep))


def _answered(status: Status, result: bytes) -> str:
    """What has become of a response, in OpenAI's words."""
    if status is not Status.SUCCEEDED:
        return "cancelled" if status is Status.CANCELLED else "failed"
    decoded = results.decode(result)
    cut = isinstance(decoded, results.TextResult) and any(
        choice.finish_reason == "length" for choice in decoded.choices
    )
    return "incomplete" if cut else "completed"


def for_receivers(
    server: str | None, own: Webhook | None, type: str, data: Mapping[str, Any], keep: int
) -> tuple[Delivery, ...]:
    """The event `type` about what `data` shows (`id` among it), for the server's webhook and the client's own.

    An id follows from subject, type and receiver, so that the same end always produces the same deliveries.
    """
    receivers: dict[str, bool] = {} if server is None else {server: False}
    if own is not None and (not own.events or type in own.events):
        receivers[own.url] = True
    return tuple(
        Delivery(_id(str(data["id"]), type, url), type, url, is_own, keep, dict(data))
        for url, is_own in receivers.items()
    )


def _id(subject: str, type: str, url: str) -> str:
    return "evt_" + hashlib.sha256(f"{subject} {type} {url}".encode()).hexdigest()[:32]


def arguments(deliveries: Iterable[Delivery]) -> list[str | bytes]:
    """Deliveries as scripts take them: id and bytes, one after the other."""
    return [part for delivery in deliveries for part in (delivery.id, msgspec.json.encode(delivery))]


def read(records: Records, delivery_id: str) -> DeliveryRecord | None:
    """One delivery; None when it is gone."""
    with answers():
        fields = records.redis.hgetall(records.keys.hook(delivery_id))
        due = records.redis.zscore(records.keys.hooks(), delivery_id)
    if b"spec" not in fields:
        return None
    numbers = range(1, int(fields[b"attempts"]) + 1)
    return DeliveryRecord(
        msgspec.json.decode(fields[b"spec"], type=Delivery),
        msgspec.convert(fields[b"state"].decode(), DeliveryState),
        int(fields[b"created"]),
        None if due is None else int(due),
        tuple(msgspec.json.decode(fields[b"attempt:%d" % number], type=Attempt) for number in numbers),
    )


def recorded(records: Records, key: str) -> tuple[DeliveryRecord, ...]:
    """The deliveries that the end of a job or batch produced; `key` is that of its record."""
    with answers():
        ids: bytes | None = records.redis.hget(key, "hooks")
    delivered = (read(records, delivery_id) for delivery_id in (ids or b"").decode().split())
    return tuple(record for record in delivered if record is not None)

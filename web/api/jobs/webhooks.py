"""The webhook deliveries that the end of a job or batch produced, and how they went."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Blueprint

from schemas.answers import jobs as answers
from tasks.webhooks import deliveries
from web.gateway import gateway
from web.http.access import auth
from web.openapi.operation import operation

blueprint = Blueprint("webhooks", __name__)


@blueprint.get("/v1/jobs/<job_id>/deliveries")
@operation("listJobDeliveries", answers.ListDeliveriesResponse)
def index(job_id: str) -> dict[str, Any]:
    """The webhook deliveries that the end of a job produced, and how they went."""
    store = gateway().store
    job = store.get(job_id, auth.current()).job
    return _listed(deliveries.recorded(store, store.keys.job(job.id)))


@blueprint.get("/v1/batches/<batch_id>/deliveries")
@operation("listBatchDeliveries", answers.ListDeliveriesResponse)
def of_batch(batch_id: str) -> dict[str, Any]:
    """The webhook deliveries that the end of a batch produced, and how they went."""
    store = gateway().store
    batch = gateway().batches.get(batch_id, auth.current()).batch
    return _listed(deliveries.recorded(store, store.keys.batch(batch.id)))


def _listed(records: Iterable[deliveries.DeliveryRecord]) -> dict[str, Any]:
    return {"object": "list", "data": [_delivery(record) for record in records]}


def _delivery(record: deliveries.DeliveryRecord) -> dict[str, Any]:
    """The delivery object; the server's own webhook is its operator's business, so its address is not shown."""
    own = record.delivery.own
    return {
        "id": record.delivery.id,
        "object": "webhook.delivery",
        "type": record.delivery.type,
        "url": record.delivery.url if own else None,
        "status": record.state,
        "created_at": record.created // 1000,
        "next_attempt_at": record.due // 1000 if record.due is not None and record.state == "pending" else None,
        "attempts": [
            {
                "at": attempt.at // 1000,
                "seconds": attempt.seconds,
                "status_code": attempt.status,
                "error": attempt.error if own or attempt.error is None else "it was not reached",
            }
            for attempt in record.attempts
        ],
    }

"""A job as its owner sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tasks.values.blob_ref import BlobRef
from tasks.values.job import Record, Status
from web.http.errors import envelope


def body(record: Record, reason: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The job object; times in seconds since the epoch, `queue_position` the number of jobs ahead of it.

    `reason` is why it does not go on, if it is known not to.
    """
    job = record.job
    return {
        "id": job.id,
        "object": "job",
        "owner": job.owner,
        "status": record.status,
        "status_reason": reason,
        "endpoint": job.endpoint,
        "model": job.model,
        "created_at": job.created // 1000,
        "started_at": _seconds(record.started),
        "finished_at": _seconds(record.finished),
        "expires_at": _seconds(record.expires),
        "deadline_at": _seconds(job.deadline),
        "queue_position": record.position if record.status is Status.QUEUED else None,
        "progress": record.progress,
        "attempts": record.attempt,
        "error": envelope(record.failure) if record.failure is not None else None,
        "usage": msgspec.to_builtins(record.usage) if record.usage is not None else None,
        "metadata": job.metadata,
        "labels": job.labels,
        "priority": job.priority,
        "webhook": msgspec.to_builtins(job.webhook) if job.webhook is not None else None,
        "ignored": job.ignored,
        "inputs": [_blob(ref) for ref in job.inputs],
        "outputs": [_blob(ref) for ref in record.outputs],
        "sync": job.sync,
        "idempotency_key": job.idempotency_key,
        "request_id": job.request_id,
    }


def _blob(ref: BlobRef) -> dict[str, Any]:
    """Bytes that another call may name, in the place of an upload."""
    return {"blob": f"blob_{ref.sha256}", "bytes": ref.size, "type": ref.type}


def _seconds(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else milliseconds // 1000

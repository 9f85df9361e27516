"""`GET /v1/queue/stats`: how much there is to do, as mlx-openai-server tells it of one model, and of every model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, request

from mlxq.catalogue import Named
from mlxq.entries.model_entry import ModelEntry
from schemas.answers import server
from schemas.server.queue import QueueStatsSchema
from tasks import queue_lengths
from tasks.processes.presence import Worker
from tasks.values.errors import ModelNotFound
from web.gateway import Gateway, gateway
from web.http.body import unknown_fields
from web.openapi.operation import operation

blueprint = Blueprint("queue", __name__, url_prefix="/v1/queue")


@blueprint.get("/stats")
@operation("getQueueStats", server.QueueStatsResponse, query=QueueStatsSchema, errors=frozenset({404}))
def stats() -> dict[str, Any]:
    """What waits and runs: of one model with mlx-openai-server's names, and of every model."""
    shared = gateway()
    name = unknown_fields.read(QueueStatsSchema, request.args.to_dict()).get("model")
    named = Named(next(iter(shared.catalogue))) if name is None else shared.catalogue.named(name)
    if named is None:
        raise ModelNotFound(f"the model '{name}' does not exist here", param="model")
    first = named.entry
    models = {entry.name: model(shared, entry) for entry in shared.catalogue}
    return {"status": "ok", "model": first.name, "queue_stats": _theirs(first, models[first.name]),
            "models": list(models.values())}  # fmt: skip


def model(shared: Gateway, entry: ModelEntry) -> dict[str, Any]:
    """What there is to do for a model, and how its workers do; raises QueueUnavailable."""
    lengths, workers = queue_lengths.read(shared.store, entry.name), shared.presence.workers(entry.name)
    state = shared.presence.model(entry.name)
    return {
        "id": entry.name,
        "type": entry.model_type,
        "state": state.state,
        "reason": state.reason,
        "workers": len(workers),
        "slots": sum(worker.slots for worker in workers),
        "queued": lengths.queued,
        "claimed": lengths.claimed,
        "running": _sum(workers, "running"),
        "waiting": _sum(workers, "waiting"),
        "completed": _sum(workers, "completed"),
        "failed": _sum(workers, "failed"),
        "generated_tokens": _sum(workers, "generated_tokens"),
        "tokens_per_second": round(sum(worker.vitals.tokens_per_second for worker in workers), 1),
        "memory": _sum(workers, "memory"),
    }


def _sum(workers: Sequence[Worker], name: str) -> int:
    return sum(int(getattr(worker.vitals, name)) for worker in workers)


def _theirs(entry: ModelEntry, model: dict[str, Any]) -> dict[str, Any]:
    """One model's numbers where mlx-openai-server has them: of a text model's two queues, and an image model's."""
    common = {
        "running": model["state"] == "ready",
        "queue_size": sum(model["queued"].values()),
        "max_queue_size": entry.queue_size,
        "active_requests": model["claimed"],
    }
    queue = {**common, "completed_requests": model["completed"], "failed_requests": model["failed"]}
    batch = {
        **common,
        "completion_batch_size": model["slots"],
        "prefill_batch_size": getattr(entry, "batch_prefill_size", None),
        "disabled": getattr(entry, "disable_batching", False),
    }
    return {**queue, "queue_stats": queue, "batch_stats": batch}

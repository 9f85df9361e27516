"""`GET /health`: this process lives; `GET /ready`: every configured model has a live worker."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from tasks.errors import Failure, ModelUnavailable
from web.errors import envelope
from web.gateway import gateway

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
def health() -> dict[str, str]:
    """Alive; asks nobody else."""
    return {"status": "ok"}


@blueprint.get("/ready")
def ready() -> tuple[dict[str, Any], int]:
    """The models that are not ready, and why."""
    shared = gateway()
    states = {entry.name: shared.presence.model(entry.name) for entry in shared.catalogue}
    missing = [
        {"id": name, "state": found.state, "reason": found.reason}
        for name, found in states.items()
        if found.state != "ready"
    ]
    if not missing:
        return {"status": "ready", "models": list(states)}, 200
    names = ", ".join(model["id"] or "" for model in missing)
    failure = Failure(ModelUnavailable.code, f"not ready: {names}")
    return {"status": "not_ready", "not_ready": missing, "error": envelope(failure)}, 503

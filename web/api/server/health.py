"""`GET /health`: this process lives; `GET /ready`: every configured model can be called, or why not."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from mlxq import home
from schemas.answers import server
from tasks.leader.storage import shortages
from tasks.values.errors import Failure, JobError, ModelUnavailable, QueueUnavailable, StorageFull
from web.availability import model_lookup, waiting_reasons
from web.gateway import Gateway, gateway
from web.http.errors import envelope
from web.openapi.operation import JSON, operation

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
@operation("getHealth", server.Health)
def health() -> dict[str, str]:
    """Alive; asks nobody else."""
    return {"status": "ok"}


@blueprint.get("/ready")
@operation("getReady", server.Ready, others={503: {JSON: server.NotReady}})
def ready() -> tuple[dict[str, Any], int]:
    """What is not ready, and why; what will not last, as warnings."""
    try:
        return _ready(gateway())
    except JobError as error:
        return _not_ready(error.failure)


def _ready(shared: Gateway) -> tuple[dict[str, Any], int]:
    if missing := shared.followers.missing():
        lost = ", ".join(missing)
        return _not_ready(Failure(QueueUnavailable.code, f"this process has lost a thread ({lost}) and starts anew"))
    if gone := home.missing(shared.settings.home):
        return _not_ready(Failure(QueueUnavailable.code, gone))
    short = shortages(shared.store)
    if full := [shortage.message for shortage in short if shortage.full]:
        return _not_ready(Failure(StorageFull.code, "; ".join(full)))
    warnings = [shortage.message for shortage in short]
    warnings += [
        f"the model '{name}' has unfinished jobs and is not served" for name in sorted(waiting_reasons.names(shared))
    ]
    catalogue = shared.catalogue
    states = {entry.name: shared.presence.model(entry.name) for entry in catalogue}
    waiting = [
        {"id": name, "state": state.state, "reason": state.reason}
        for name, state in states.items()
        if not model_lookup.callable_now(catalogue.get(name), state.state)
    ]
    if waiting:
        names = ", ".join(model["id"] or "" for model in waiting)
        return _not_ready(Failure(ModelUnavailable.code, f"not ready: {names}"), waiting, warnings)
    by_name = {name: state.state for name, state in states.items()}
    return {"status": "ready", "models": list(states), "states": by_name, "warnings": warnings}, 200


def _not_ready(
    failure: Failure, models: list[dict[str, Any]] | None = None, warnings: list[str] | None = None
) -> tuple[dict[str, Any], int]:
    shown = {"status": "not_ready", "not_ready": models or [], "warnings": warnings or [], "error": envelope(failure)}
    return shown, 503

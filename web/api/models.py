"""`GET /v1/models` and `GET /v1/models/{id}`."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint

from mlxq.entries import ModelEntry
from schemas.answers import server
from tasks.values.errors import ModelNotFound
from web import registry
from web.gateway import Gateway, gateway
from web.openapi.operation import operation

blueprint = Blueprint("models", __name__)


@blueprint.get("/v1/models")
@operation("listModels", server.ListModelsResponse)
def index() -> dict[str, Any]:
    """Every configured model."""
    shared = gateway()
    return {"object": "list", "data": [_model(shared, entry) for entry in shared.catalogue]}


@blueprint.get("/v1/models/<path:name>")
@operation("retrieveModel", server.Model)
def show(name: str) -> dict[str, Any]:
    """One configured model, by its name or an alias."""
    entry = gateway().catalogue.find(name)
    if entry is None:
        raise ModelNotFound(f"the model '{name}' does not exist here", param="model")
    return _model(gateway(), entry)


def _model(shared: Gateway, entry: ModelEntry) -> dict[str, Any]:
    now, details = shared.presence.model(entry.name), shared.details(entry.name)
    paths = [endpoint.path for endpoint in registry.endpoints().values() if entry.model_type in endpoint.model_types]
    return {
        "id": entry.name,
        "object": "model",
        "created": shared.started,
        "owned_by": "mlxq",
        "aliases": entry.aliases,
        "type": entry.model_type,
        "endpoints": paths,
        "context_length": details.context_length,
        "defaults": details.defaults,
        **msgspec.to_builtins(details),  # the rest of what such a model tells
        "state": now.state,
        "reason": now.reason,
    }

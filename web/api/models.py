"""`GET /v1/models` and `GET /v1/models/{id}`."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, request

from mlxq.entries import ModelEntry
from schemas.answers import messages, server
from schemas.models import ModelListSchema
from tasks.values.errors import ModelNotFound
from web import cursors, registry
from web.gateway import Gateway, gateway
from web.http import anthropic, unknown_fields
from web.openapi.operation import operation
from web.render import anthropic as render

blueprint = Blueprint("models", __name__)


@blueprint.get("/v1/models")
@operation(
    "listModels", (server.ListModelsResponse, messages.ModelPage), query=ModelListSchema, headers=(anthropic.VERSION,)
)
def index() -> dict[str, Any]:
    """Every configured model; as Anthropic's API lists them where `anthropic-version` is sent."""
    shared = gateway()
    if anthropic.spoken():
        asked = unknown_fields.read(ModelListSchema, request.args.to_dict())
        listed = (_shown(shared, entry) for entry in shared.catalogue)
        return render.page(*cursors.stretch(listed, asked))
    return {"object": "list", "data": [_model(shared, entry) for entry in shared.catalogue]}


@blueprint.get("/v1/models/<path:name>")
@operation("retrieveModel", (server.Model, messages.ModelInfo), headers=(anthropic.VERSION,))
def show(name: str) -> dict[str, Any]:
    """One configured model, by its name or an alias."""
    shared = gateway()
    entry = shared.catalogue.find(name)
    if entry is None:
        raise ModelNotFound(f"the model '{name}' does not exist here", param="model")
    if anthropic.spoken():
        return _shown(shared, entry)
    return _model(shared, entry)


def _shown(shared: Gateway, entry: ModelEntry) -> dict[str, Any]:
    return render.model(entry.name, 1000 * shared.started, shared.details(entry.name))


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

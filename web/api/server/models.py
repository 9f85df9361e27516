"""`/v1/models`: what is served, what each model is doing, and for the admin key, which of them are in memory."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, request

from mlxq.entries.model_entry import ModelEntry
from schemas.answers import messages, server
from schemas.server.models import ModelListSchema
from tasks.processes.presence import Wish
from tasks.values.errors import ModelNotFound
from web import registry
from web.gateway import Gateway, gateway
from web.http import anthropic, cursors
from web.http.access import auth
from web.http.body import unknown_fields
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
    if anthropic.is_asked():
        asked = unknown_fields.read(ModelListSchema, request.args.to_dict())
        listed = (_shown(shared, entry) for entry in shared.catalogue)
        return render.page(*cursors.stretch(listed, asked))
    return {"object": "list", "data": [_model(shared, entry) for entry in shared.catalogue]}


@blueprint.get("/v1/models/<path:name>")
@operation("retrieveModel", (server.Model, messages.ModelInfo), headers=(anthropic.VERSION,))
def show(name: str) -> dict[str, Any]:
    """One configured model, by its name, an alias, or as `MODEL:ADAPTER`."""
    shared, entry = gateway(), _entry(name)
    return _shown(shared, entry) if anthropic.is_asked() else _model(shared, entry)


@blueprint.post("/v1/models/<path:name>/load")
@operation(
    "loadModel",
    server.Model,
    status=202,
    about="For the admin key. It is loaded as if somebody had called it; `GET /v1/models/{name}` tells how far it is.",
)
def load(name: str) -> tuple[dict[str, Any], int]:
    """Load a model."""
    return _ask(name, "load")


@blueprint.post("/v1/models/<path:name>/unload")
@operation(
    "unloadModel",
    server.Model,
    status=202,
    about="For the admin key. What it holds is ended first, and its next call loads it again.",
)
def unload(name: str) -> tuple[dict[str, Any], int]:
    """Let a model go once its running jobs have ended."""
    return _ask(name, "unload")


def _ask(name: str, wish: Wish) -> tuple[dict[str, Any], int]:
    auth.require_admin()
    entry = _entry(name)
    gateway().presence.ask(entry.name, wish)
    return _model(gateway(), entry), 202


def _entry(name: str) -> ModelEntry:
    named = gateway().catalogue.named(name)
    if named is None:
        raise ModelNotFound(f"the model '{name}' does not exist here", param="model")
    return named.entry


def _shown(shared: Gateway, entry: ModelEntry) -> dict[str, Any]:
    return render.model(entry.name, 1000 * shared.created, shared.details(entry.name))


def _model(shared: Gateway, entry: ModelEntry) -> dict[str, Any]:
    now, details = shared.presence.model(entry.name), shared.details(entry.name)
    paths = [endpoint.path for endpoint in registry.endpoints().values() if entry.model_type in endpoint.model_types]
    return {
        "id": entry.name,
        "object": "model",
        "created": shared.created,
        "owned_by": "mlxq",
        "aliases": entry.aliases,
        "adapters": list(getattr(entry, "adapters", ())),
        "type": entry.model_type,
        "endpoints": paths,
        "context_length": details.context_length,
        "defaults": details.defaults,
        **msgspec.to_builtins(details),  # the rest of what such a model tells
        "on_demand": entry.on_demand,
        "state": now.state,
        "reason": now.reason,
        "progress": now.progress,
    }

"""`/v1/admin`: API keys, and the queue of all owners; for the admin key alone."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from mlxq.entries.model_entry import ModelEntry
from schemas.answers import server
from schemas.server.keys import KeySchema
from tasks.access.api_keys import Limits, Listed
from web import intake
from web.api.server import queue as queues
from web.gateway import Gateway, gateway
from web.http.access import auth
from web.http.body import unknown_fields
from web.openapi.operation import operation
from web.render import key as render
from web.render import page as listing

blueprint = Blueprint("admin", __name__, url_prefix="/v1/admin")
blueprint.before_request(auth.require_admin)


@blueprint.post("/keys")
@operation(
    "createApiKey",
    server.NewApiKey,
    body=KeySchema,
    example={"label": "alice", "expires_in": 2592000, "requests_per_minute": 60},
)
def create() -> dict[str, Any]:
    """Make a key; this answer alone holds its secret."""
    data = unknown_fields.read(KeySchema, intake.json(request, gateway()))
    limits = Limits(**{name: data[name] for name in Limits.__struct_fields__ if name in data})
    key, secret = gateway().keys.ring.create(data["label"], seconds=data.get("expires_in"), limits=limits)
    return {**render.body(Listed(key)), "key": secret}


@blueprint.get("/keys")
@operation("listApiKeys", server.ListApiKeysResponse)
def index() -> dict[str, Any]:
    """Every key there is or was: those of the environment, then the stored ones, newest first."""
    shared = gateway()
    configured = [render.configured(auth.owner(key)) for key in shared.settings.api_keys]
    return listing.body([*configured, *map(render.body, shared.keys.ring.list())], has_more=False)


@blueprint.get("/keys/<key_id>")
@operation("retrieveApiKey", server.ApiKey)
def show(key_id: str) -> dict[str, Any]:
    """One stored key."""
    return render.body(gateway().keys.ring.get(key_id))


@blueprint.post("/keys/<key_id>/revoke")
@operation("revokeApiKey", server.ApiKey)
def revoke(key_id: str) -> dict[str, Any]:
    """Make a key good for nothing: every process knows within two seconds."""
    return render.body(gateway().keys.ring.revoke(key_id))


@blueprint.get("/queue")
@operation("listQueues", server.ListQueuesResponse)
def queue() -> dict[str, Any]:
    """What waits and runs, model by model."""
    shared = gateway()
    return listing.body([_load(shared, entry) for entry in shared.catalogue], has_more=False)


def _load(shared: Gateway, entry: ModelEntry) -> dict[str, Any]:
    shown = queues.model(shared, entry)
    names = ("id", "state", "reason", "workers", "slots", "queued", "claimed")
    return {"object": "queue", **{name: shown[name] for name in names}}

"""Why work waits whose model is not up: it is being loaded, waits for room, or was taken out of the models' file."""

from __future__ import annotations

from typing import Any

from flask import g

from mlxq.catalogue import parted
from web.gateway import Gateway


def names(gateway: Gateway) -> frozenset[str]:
    """The models that have left something behind and that nobody serves any more."""
    return gateway.presence.unserved() - gateway.catalogue.models.keys()


def reason(gateway: Gateway, model: str | None, *, waits: bool) -> dict[str, Any] | None:
    """Why a job or batch of a model that waits does not go on, as its object shows it; None when it does.

    Within a request each model is looked at once, however many of its jobs are listed.
    """
    if not waits or model is None:
        return None
    known: dict[str, dict[str, Any] | None] = g.setdefault("waits_for", {})
    if model not in known:
        named = gateway.catalogue.named(model)
        known[model] = _not_served(gateway, parted(model)[0]) if named is None else _state(gateway, named.entry.name)
    return known[model]


def _not_served(gateway: Gateway, model: str) -> dict[str, Any] | None:
    if model not in names(gateway):
        return None
    message = f"the model '{model}' is not served any more; this goes on when it is served again, or can be cancelled"
    return {"code": "model_not_served", "message": message}


def _state(gateway: Gateway, model: str) -> dict[str, Any] | None:
    now = gateway.presence.model(model)
    because = f": {now.reason}" if now.reason else ""
    match now.state:
        case "loading":
            progress = now.progress or 0
            return {
                "code": "model_loading",
                "message": f"the model '{model}' is being loaded ({progress} %)",
                "progress": progress,
            }
        case "unloaded" | "unloading":
            return {
                "code": "model_not_loaded",
                "message": f"the model '{model}' is loaded as soon as there is room for it{because}",
            }
        case "broken":
            return {"code": "model_unavailable", "message": f"the model '{model}' could not be loaded{because}"}
    return None  # it is up, or will be in a moment

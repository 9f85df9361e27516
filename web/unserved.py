"""Models that were taken out of the models' file while jobs of them were unfinished: their work waits, and says so."""

from __future__ import annotations

from typing import Any

from web.gateway import Gateway


def names(gateway: Gateway) -> frozenset[str]:
    """The models that have left something behind and that nobody serves any more."""
    return gateway.presence.unserved() - gateway.catalogue.models.keys()


def reason(gateway: Gateway, model: str | None, unfinished: bool) -> dict[str, Any] | None:
    """Why an unfinished job or batch of a model does not go on, as its object shows it; None when it does."""
    if not unfinished or model is None or model in gateway.catalogue.models or model not in names(gateway):
        return None
    message = f"the model '{model}' is not served any more; this goes on when it is served again, or can be cancelled"
    return {"code": "model_not_served", "message": message}

"""The model of a call: found by its name, checked to serve the endpoint, and waited for until it is up."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from mlxq.catalogue import Named
from mlxq.entries.model_entry import ModelEntry
from tasks.processes.presence import LoadState
from tasks.values.errors import InvalidValue, ModelNotFound, ModelUnavailable
from tasks.values.job import Lane
from web import registry
from web.endpoint import Endpoint
from web.gateway import Gateway
from web.http.errors import path
from web.http.wire.disconnect import ClientGone

BACKLOG = 100  # jobs polled later that a model's queue holds for each waiting client it has room for
_LOOK = 0.1  # seconds
_FRESH = 0.5  # seconds that a model found ready is taken to be ready; a call that comes too early waits in its queue
_COMES = frozenset({"ready", "unloading", "unloaded"})  # states of a model that is there, or is loaded by a call


def named(gateway: Gateway, endpoint: Endpoint, raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same body with its model by its own name: of an alias, of `MODEL:ADAPTER`, or of the only one that fits."""
    name, meant = raw.get("model"), None
    if isinstance(name, str):
        meant = gateway.catalogue.named(name)
    elif name is None and not endpoint.names_model:
        fits = [entry for entry in gateway.catalogue if entry.model_type in endpoint.model_types]
        meant = Named(fits[0]) if len(fits) == 1 else None
    if meant is None:
        return raw
    if not meant.adapter:
        return {**raw, "model": meant.entry.name}
    if "adapter" not in endpoint.schema._declared_fields:
        raise ModelNotFound(f"{endpoint.path} takes no adapter; the model is '{meant.entry.name}'", param="model")
    return {"adapter": meant.adapter, **raw, "model": meant.entry.name}


def model(gateway: Gateway, name: str, endpoint: Endpoint, within: str = "", adapter: str | None = None) -> ModelEntry:
    """The model of this name; ModelNotFound, with `within` before its field, when there is none or it does not fit.

    So too when it has no such adapter.
    """
    param = path(within, "model")
    entry = gateway.catalogue.models.get(name)
    if entry is None:
        served = ", ".join(gateway.catalogue.models)
        raise ModelNotFound(f"the model '{name}' does not exist here; there are {served}", param=param)
    if adapter is not None and adapter not in getattr(entry, "adapters", {}):
        there = ", ".join(getattr(entry, "adapters", {})) or "none"
        raise ModelNotFound(
            f"the model '{name}' has no adapter '{adapter}'; there are {there}", param=path(within, "adapter")
        )
    if entry.model_type not in endpoint.model_types:
        message = f"the model '{name}' ({entry.model_type}) does not serve {endpoint.path}"
        fits = [path for path, other in registry.endpoints().items() if entry.model_type in other.model_types]
        kin = [path for path in fits if path.rpartition("/")[0] == endpoint.path.rpartition("/")[0]]
        if kin and endpoint.path.count("/") > 2:  # /v1/images/…, not /v1/…
            raise InvalidValue(f"{message}; it serves {' and '.join(kin)}", param=param)
        raise ModelNotFound(message, param=param)
    return entry


def room(entry: ModelEntry, lane: Lane) -> int:
    """How many jobs of a lane may wait for a model."""
    return entry.queue_size if lane is Lane.INTERACTIVE else entry.queue_size * BACKLOG


def callable_now(entry: ModelEntry, state: LoadState) -> bool:
    """Whether a call of a model in this state is answered: at once, or when it has been loaded for it."""
    return state in _COMES or (entry.on_demand and state in ("starting", "loading", "restarting"))


def await_up(gateway: Gateway, entry: ModelEntry, gone: Callable[[], bool]) -> None:
    """Wait until the model is up; ModelUnavailable when it is broken or does not come up in time.

    For one that is loaded on demand nobody waits here: its call waits in the queue, which is what has it loaded.
    """
    if time.monotonic() < gateway.ready_until.get(entry.name, 0.0):
        return
    until = time.monotonic() + gateway.settings.start_wait
    while not callable_now(entry, (state := gateway.presence.model(entry.name)).state):
        reason = f": {state.reason}" if state.reason else ""
        if state.state == "broken" or time.monotonic() >= until:
            raise ModelUnavailable(f"the model '{entry.name}' is {state.state}{reason}", param="model", retry_after=10)
        if gone():
            raise ClientGone
        time.sleep(_LOOK)
    gateway.ready_until[entry.name] = time.monotonic() + _FRESH

"""`web.wsgi:app`, what gunicorn runs."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time

from mlxq import configuration
from tasks.processes import logs
from tasks.values.errors import JobError
from web.application import create_app
from web.availability.model_lookup import callable_now
from web.gateway import Gateway

try:
    _settings, _catalogue = configuration.load(os.environ)
except configuration.ConfigurationError as error:
    sys.exit(f"mlxq: {error}")
logs.configure(_settings)
app = create_app(_settings, _catalogue)
gc.freeze()  # what stays for as long as the process is not looked through again: that held everybody up for 40 ms
_shared: Gateway = app.extensions["mlxq"]
threading.Thread(target=_shared.store.warm_up, args=(_catalogue.models,), name="warm-up", daemon=True).start()


def announce() -> None:
    """Say on standard output when all models can be called, in a thread of its own."""
    threading.Thread(target=_announce, name="announce", daemon=True).start()


def _announce() -> None:
    waiting = set(_shared.catalogue)
    while waiting:
        time.sleep(0.2)
        try:
            waiting = {entry for entry in waiting if not callable_now(entry, _shared.presence.model(entry.name).state)}
        except JobError:  # the queue is not up yet
            continue
    names = ", ".join(_shared.catalogue.models)
    print(f"mlxq is ready: http://{_settings.address}/v1 serves {names}", flush=True)  # noqa: T201

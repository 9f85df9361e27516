"""gunicorn's configuration: one or more processes; each waiting call holds a thread, a stream holds none.

`web/http/wire/server.py` is what runs in them.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

from gunicorn.arbiter import Arbiter

from mlxq import configuration, exit_with_parent, home
from tasks.processes import logs
from web.http.access import capacity

_LOOK = 30.0  # seconds between looks whether the worker hangs; signals and its end come at once

capacity.raise_files()
try:
    _settings, _ = configuration.load(os.environ)
    _settings.check_exposure()
except configuration.ConfigurationError as error:
    sys.exit(f"mlxq: {error}")
logs.configure(_settings)
home.join(_settings, os.environ, f"http://{_settings.address}")

bind = _settings.address
worker_class = "web.http.wire.server.Worker"
workers = _settings.web_processes  # each reads the queue by itself; threads wait, they do not compute
worker_connections = capacity.connections(_settings)
http_parser = "python"  # the same everywhere, whatever else is installed
forwarded_allow_ips = ",".join(_settings.trusted_proxies)  # gunicorn's default believes everybody on this machine
timeout = 3600  # seconds without a sign of the loop: one that was stopped for a while has only been stopped
graceful_timeout = 3  # workers hand their work back within 2, and open streams are told so
keepalive = 30
loglevel = "warning"
control_socket_disable = True  # a loop and a socket of gunicorn's own, by which nobody asks it anything


def when_ready(arbiter: Arbiter) -> None:
    """gunicorn listens: from here on it goes when its manager goes, and looks after its worker less often."""
    exit_with_parent.watch_manager(os.environ)
    waits = arbiter.wait_for_signals
    arbiter.wait_for_signals = lambda timeout: waits(_LOOK)


def post_worker_init(worker: Any) -> None:
    """A process has its application: the first one says for all of them when calls are answered."""
    if worker.age == 1:
        import_module("web.wsgi").announce()

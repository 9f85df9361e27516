"""gunicorn's configuration: one process, a thread a connection."""

from __future__ import annotations

import os
import sys

from mlxq import configuration, home, parent
from tasks import logs

try:
    import resource
except ImportError:  # no such limits here
    pass
else:
    # macOS gives a shell 256 open files; every stream is one.
    _soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    _wanted = 4096 if _hard == resource.RLIM_INFINITY else min(4096, _hard)
    if _soft != resource.RLIM_INFINITY and _soft < _wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (_wanted, _hard))

try:
    _settings, _ = configuration.load(os.environ)
    _settings.check_exposure()
except configuration.ConfigurationError as error:
    sys.exit(f"mlxq: {error}")
logs.configure(_settings.log_level)
home.join(_settings, os.environ, f"http://{_settings.address}")

bind = _settings.address
worker_class = "gthread"
workers = 1  # one reader of the queue; threads wait, they do not compute
threads = _settings.web_threads
worker_connections = 1000
timeout = 120
graceful_timeout = 3  # workers hand their work back within 2, and open streams are told so
keepalive = 30
loglevel = "warning"


def when_ready(_: object) -> None:
    """gunicorn listens: from here on it goes when its manager goes."""
    parent.end_with(os.environ)

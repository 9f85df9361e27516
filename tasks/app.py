"""The Celery application: how a job's id travels to the worker of its model.

A message carries the id and nothing else. It is a hint, never the truth: the record is, a claim decides, and the
reconciler sends again what was lost. So a message may arrive twice, or not at all.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

from mlxq.settings import Settings

RUN = "mlxq.run"
# By an alias, as the URL of a socket names the transport too, and there it goes before the setting.
_TRANSPORT = "mlxq"
TRANSPORT_ALIASES[_TRANSPORT] = "tasks.redis.transport:Transport"


def create(settings: Settings) -> Celery:
    """The application for these settings; the same on both sides of the queue."""
    app = Celery("mlxq", broker=_broker(settings.redis_url), set_as_current=False)
    app.conf.update(
        broker_transport=_TRANSPORT,
        broker_transport_options={
            "global_keyprefix": f"{settings.namespace}:",
            # A worker takes whatever comes and has its own order, in which nobody starves.
            "priority_steps": [0],
            # A restored message is refused at its claim, so this only bounds how long a dead worker's messages linger.
            "visibility_timeout": 3600,
            "socket_keepalive": True,
            "socket_connect_timeout": 5,
        },
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # a worker waits for Redis, however long it is away
        task_acks_late=True,  # bounds what a worker takes to what it has threads for
        worker_prefetch_multiplier=1,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,  # threads cannot be cancelled, and need not be
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
    )
    return app


def _broker(url: str) -> str:
    # kombu spells the URL of a socket its own way.
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    (database,) = parse_qs(parts.query).get("db", ["0"])
    return f"{_TRANSPORT}+socket://{parts.netloc}{parts.path}?virtual_host={database}"

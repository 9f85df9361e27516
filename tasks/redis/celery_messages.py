"""The Celery message of a job: written by Celery itself once a queue, and filled in for each job.

So the script that records a job can put its message beside it in the same step, and a message costs no connection of
Celery's.
"""

from __future__ import annotations

import base64
import json
import threading
import uuid
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from redis import Redis

if TYPE_CHECKING:
    from celery import Celery

_declaring = threading.Lock()
_ID, _BODY, _TAG = "<job>", "<body>", "<tag>"


class Template(NamedTuple):
    """A message in Celery's form, and its task's arguments, with marks where jobs differ."""

    message: str
    body: str

    def fill(self, job_id: str) -> str:
        """The message of a job; each has a delivery tag of its own."""
        body = base64.b64encode(self.body.replace(_ID, job_id).encode()).decode()
        return self.message.replace(_ID, job_id).replace(_TAG, str(uuid.uuid4())).replace(_BODY, body)


@lru_cache
def template(celery: Celery, queue: str) -> Template:
    """What Celery would put into a queue."""
    from kombu import Connection

    from tasks import app

    # kombu's queues in memory are the process's, and two threads that declare one at once make two.
    with _declaring, Connection("memory://") as connection, celery.amqp.Producer(connection) as producer:
        celery.send_task(
            app.RUN, args=[_ID], queue=queue, task_id=_ID, producer=producer, retry=False, ignore_result=True
        )
        message = connection.default_channel._get(queue)
    body = base64.b64decode(message["body"]).decode()
    message["body"], message["properties"]["delivery_tag"] = _BODY, _TAG
    return Template(json.dumps(message), body)


def pending(redis: Redis, key: str) -> set[str]:
    """The ids of the jobs whose messages wait in a queue's list."""
    return {str(json.loads(message)["headers"]["id"]) for message in redis.lrange(key, 0, -1)}

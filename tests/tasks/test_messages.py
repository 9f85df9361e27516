"""A message that stands beside its record is Celery's own."""

from __future__ import annotations

import base64
import json
from typing import Any

from kombu import Connection

from tasks import app, messages
from tasks.store import JobStore
from tests.jobs import chat


def readable(message: dict[str, Any]) -> dict[str, Any]:
    """A message whose body can be compared, without what no two have in common."""
    assert len(message["properties"].pop("delivery_tag")) == 36
    return {**message, "body": json.loads(base64.b64decode(message["body"]))}


def test_a_message_is_what_celery_would_send(store: JobStore) -> None:
    queue = store.keys.queue("fake")
    with Connection("memory://") as connection, store.celery.amqp.Producer(connection) as producer:
        store.celery.send_task(
            app.RUN, args=["job_1"], queue=queue, task_id="job_1", producer=producer, retry=False, ignore_result=True
        )
        sent = connection.default_channel._get(queue)
    filled = json.loads(messages.template(store.celery, queue).fill("job_1"))
    assert readable(filled) == readable(sent)


def test_no_two_messages_have_one_tag(store: JobStore) -> None:
    template = messages.template(store.celery, store.keys.queue("fake"))
    first, second = (json.loads(template.fill("job_1"))["properties"]["delivery_tag"] for _ in range(2))
    assert first != second


def test_a_submit_that_is_made_twice_sends_one_message(store: JobStore) -> None:
    job = chat(store)
    store.submit(job, room=5)
    store.submit(job, room=5)
    assert store.redis.llen(store.keys.messages("fake")) == 1

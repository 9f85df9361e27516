"""A message that stands beside its record is Celery's own."""

from __future__ import annotations

import base64
import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from typing import Any

import pytest
from kombu import Connection

from tasks import app
from tasks.redis import celery_messages
from tasks.redis.store import JobStore
from tests.support.jobs import chat


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
    filled = json.loads(celery_messages.template(store.celery, queue).fill("job_1"))
    assert readable(filled) == readable(sent)


def test_no_two_messages_have_one_tag(store: JobStore) -> None:
    template = celery_messages.template(store.celery, store.keys.queue("fake"))
    first, second = (json.loads(template.fill("job_1"))["properties"]["delivery_tag"] for _ in range(2))
    assert first != second


def test_a_submit_that_is_made_twice_sends_one_message(store: JobStore) -> None:
    job = chat(store)
    store.submit(job, room=5)
    store.submit(job, room=5)
    assert store.redis.llen(store.keys.messages("fake")) == 1


def test_first_calls_that_come_together_each_get_a_message(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Queue[Any]):
        """Made slowly, some more than others, so that who finds none may replace one that is in use."""

        def __init__(self) -> None:
            time.sleep(random.random() / 50)
            super().__init__()

    monkeypatch.setattr("kombu.transport.memory.Queue", Slow)
    with ThreadPoolExecutor(8) as threads:
        for number in range(20):
            together = threading.Barrier(8)

            def ask(queue: str = f"first-{number}", together: threading.Barrier = together) -> str:
                together.wait()
                return celery_messages.template(store.celery, queue).body

            asked = [threads.submit(ask) for _ in range(8)]
            assert len({one.result() for one in asked}) == 1

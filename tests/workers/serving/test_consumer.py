"""A message of Celery's is run in a thread of its pool, and acknowledged whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from celery.concurrency.thread import TaskPool

from tests.support.servers import PATIENCE
from workers.serving.consumer import strategy


def delivered(run: Callable[[str], None]) -> tuple[str, ...]:
    """What a delivery of the job `job_1` has acknowledged, and by whose thread."""
    acknowledged: list[str] = []
    over = threading.Event()

    def acknowledge(*_: Any) -> None:
        acknowledged.append(threading.current_thread().name)
        over.set()

    pool = TaskPool(limit=1)
    consumer = SimpleNamespace(pool=pool, connection_errors=(OSError,))
    deliver = strategy(SimpleNamespace(run=run), None, consumer)  # type: ignore[arg-type]
    deliver(SimpleNamespace(headers={"id": "job_1"}), None, acknowledge, None, [])
    assert over.wait(PATIENCE)
    pool.on_stop()
    return tuple(acknowledged)


def test_a_job_is_run_in_a_thread_of_the_pool_and_then_acknowledged() -> None:
    ran: list[tuple[str, str]] = []
    (by,) = delivered(lambda job_id: ran.append((job_id, threading.current_thread().name)))
    assert ran == [("job_1", by)] and by != threading.current_thread().name


@pytest.mark.parametrize("error", [RuntimeError("broken"), MemoryError()])
def test_a_delivery_that_fails_is_acknowledged_too(error: Exception) -> None:
    def fail(_: str) -> None:
        raise error

    assert len(delivered(fail)) == 1

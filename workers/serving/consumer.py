"""Celery's part in a model's process: it takes the messages of the model's queue, and gives each a thread."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import structlog
from celery import Celery, signals
from celery.apps.worker import Worker
from celery.exceptions import SecurityWarning
from kombu.asynchronous import get_event_loop

from tasks import app as celery_app
from workers.serving.job_runner import JobRunner

log = structlog.get_logger()


def consume(app: Celery, queue: str, threads: int, runner: JobRunner, stop: Callable[..., None]) -> None:
    """Run the jobs of a queue until SIGTERM, of which `stop` is told first."""
    signals.worker_shutting_down.connect(stop, weak=False)
    app.task(name=celery_app.RUN, Strategy=f"{__name__}:strategy")(runner.run)
    # It warns of root because of pickle, which no message of ours may be.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    # Not by `worker_main`, whose command line imports all of Celery's commands and asks every package for more.
    Worker(
        app,
        quiet=True,
        pool_cls="threads",
        concurrency=threads,
        queues=[queue],
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        loglevel="WARNING",
    ).start()


def strategy(task: Any, app: Celery, consumer: Any) -> Callable[..., None]:
    """How Celery handles a message of our task: its job's id goes straight to a thread.

    Celery's default makes a request of each and traces it, for revocations, events, results, retries and time limits.
    A job has all of these in its record, and without them begins half a millisecond sooner.
    """
    del app

    def run(job_id: str, done: Callable[..., None]) -> None:
        try:
            task.run(job_id)
        except Exception:
            log.exception("a job's delivery failed; it is sent again while it is queued", job_id=job_id)
        finally:
            done(log, consumer.connection_errors)

    def deliver(message: Any, body: object, acknowledge: Callable[..., None], *unused: object) -> None:
        del body, unused
        consumer.pool.apply_async(run, (message.headers["id"], acknowledge), callback=_ignore)

    return deliver


def _ignore(result: object) -> None:
    """What a delivery returns, which is nothing."""


def rouse() -> None:
    """End the sleep of the loop that waits for messages; called from another thread."""
    loop = get_event_loop()
    if loop is not None:
        loop.call_soon(lambda: None)

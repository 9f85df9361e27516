"""Which models are wanted, for the supervisor that loads them: what waits for each, and what its worker says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import structlog

from tasks.processes.presence import Worker
from tasks.redis.scripts import answers
from tasks.redis.store import JobStore
from tasks.values import events
from tasks.values.errors import Failure
from tasks.values.job import Lane

log = structlog.get_logger()


class Demand(NamedTuple):
    """Jobs that have not begun, of people who wait and others; and a worker with the number of jobs that it holds."""

    people: int = 0
    others: int = 0
    worker: Worker | None = None
    claimed: int = 0


def read(store: JobStore, workers: Mapping[str, str]) -> dict[str, Demand]:
    """The demand for each model of `workers`, which names its worker on this machine, or ''; in one round trip."""
    keys = store.keys
    with answers(), store.redis.pipeline(transaction=False) as pipe:
        for model, worker in workers.items():
            for lane in Lane:
                pipe.zcard(keys.queued(model, lane))
            pipe.hvals(keys.claims(model))
            pipe.hget(keys.workers(), worker)
        replies = pipe.execute()
    size = len(Lane) + 2
    demands: dict[str, Demand] = {}
    for at, (model, worker) in enumerate(workers.items()):
        *queued, holders, shown = replies[at * size : (at + 1) * size]
        lanes = dict(zip(Lane, queued, strict=True))
        people = lanes.pop(Lane.INTERACTIVE)
        reported = msgspec.json.decode(shown, type=Worker) if shown else None
        demands[model] = Demand(people, sum(lanes.values()), reported, holders.count(worker.encode()))
    return demands


def refuse(store: JobStore, model: str, failure: Failure) -> None:
    """End the jobs that people wait for and no worker holds: their model cannot be had."""
    with answers():
        waiting = store.redis.zrange(store.keys.queued(model, Lane.INTERACTIVE), 0, -1)
    for job_id in waiting:
        record = store.find(job_id.decode())
        if record is not None and not record.status.terminal and store.end(record.job, events.Failed(failure)):
            log.info("a job ends as its model cannot be had", job_id=record.job.id, model=model)

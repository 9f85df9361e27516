"""How many jobs wait for a model and are held by its workers, of all owners together, as clients are shown it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tasks.redis.scripts import answers
from tasks.redis.store import JobStore
from tasks.values.job import Lane


class QueueLengths(NamedTuple):
    """Jobs that have not begun, by lane, and jobs that workers hold."""

    queued: Mapping[str, int]
    claimed: int


def read(store: JobStore, model: str) -> QueueLengths:
    """What waits for a model and what its workers hold; raises QueueUnavailable."""
    with answers(), store.redis.pipeline(transaction=False) as pipe:
        for lane in Lane:
            pipe.zcard(store.keys.queued(model, lane))
        pipe.hlen(store.keys.claims(model))
        *queued, claimed = pipe.execute()
    return QueueLengths(dict(zip(map(str, Lane), queued, strict=True)), claimed)

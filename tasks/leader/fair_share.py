"""Whose turn it is: owners share alike, and so do the batches of one owner, however many there are."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.values.job import Job, Lane


def key(job: Job) -> str:
    """Under which a job takes turns with others of its lane: its owner, or `owner:batch` for the line of a batch."""
    batch = job.metadata.get("batch_id") if job.lane is Lane.BATCH else None
    return f"{job.owner}:{batch}" if batch else job.owner


def following(served: Mapping[str, float]) -> str:
    """The next of these keys, with when each was last served: the batch of an owner, both served longest ago."""
    owners: dict[str, float] = {}
    for name, when in served.items():
        owner = _owner(name)
        owners[owner] = max(owners.get(owner, when), when)
    first = min(owners, key=lambda owner: owners[owner])
    return min((name for name in served if _owner(name) == first), key=lambda name: served[name])


def _owner(name: str) -> str:
    return name.partition(":")[0]

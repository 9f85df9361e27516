"""Which jobs a listing shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tasks.values.job import Record, Status


@dataclass(frozen=True)
class Criteria:
    """What a job must be to be listed: its model is one of `models`, and `adapter` the one it asks for.

    `since` and `before` bound its creation, in milliseconds since the epoch.
    """

    status: Status | None = None
    models: frozenset[str] | None = None
    adapter: str | None = None
    endpoint: str | None = None
    labels: frozenset[str] = frozenset()
    metadata: Mapping[str, str] = field(default_factory=dict)
    since: int | None = None
    before: int | None = None

    def fit(self, record: Record) -> bool:
        """Whether a record is such a job."""
        job = record.job
        return (
            (self.since is None or job.created >= self.since)
            and (self.before is None or job.created < self.before)
            and self.status in (None, record.status)
            and (self.models is None or job.model in self.models)
            and self.adapter in (None, getattr(job.payload, "adapter", ""))
            and self.endpoint in (None, job.endpoint)
            and self.labels <= set(job.labels)
            and self.metadata.items() <= job.metadata.items()
        )

"""A batch under way, as the runner last saw or changed it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tasks.batches.batches import Batch, BatchState, Cursor, Sizes, Status
from tasks.batches.lines import Place
from web.batches.validation import Validation

LEAST = 2  # lines that any batch may have in flight, however many batches there are


class Superseded(Exception):
    """Another runner has gone on with a batch: what this one knows of it is old."""


@dataclass
class RunningBatch:
    """`state` is Redis' own; cursor, sizes and lines in flight are followed here between two looks at it."""

    state: BatchState
    inflight: dict[int, Place]
    validation: Validation | None = None
    jobs_cancelled: bool = False
    cursor: Cursor = field(init=False)
    sizes: Sizes = field(init=False)

    def __post_init__(self) -> None:
        self.cursor, self.sizes = self.state.cursor, self.state.sizes

    def update(self, state: BatchState) -> bool:
        """Take what Redis says now; False when it cannot come of what was done here."""
        self.state = state
        return state.sizes == self.sizes and state.cursor.offset <= self.cursor.offset

    @property
    def batch(self) -> Batch:
        """What was asked."""
        return self.state.batch

    @property
    def unchecked(self) -> bool:
        """Whether its input has still to be looked through, also when it was cancelled before that."""
        return not self.state.total and self.state.status in (Status.VALIDATING, Status.CANCELLING)

    @property
    def exhausted(self) -> bool:
        """Whether every line was taken."""
        return self.cursor.offset >= self.batch.input.size

    @property
    def done(self) -> bool:
        """Whether every line has its record."""
        return self.exhausted and not self.inflight

    @property
    def hungry(self) -> bool:
        """Whether it has lines to submit."""
        return self.state.status is Status.IN_PROGRESS and not self.exhausted

    @property
    def stopping(self) -> str:
        """Why the lines that are not done will not be, as their records say it; '' when they will."""
        if self.state.status is Status.CANCELLING:
            return "batch_cancelled"
        expired = self.state.status is Status.FINALIZING and self.state.outcome is Status.EXPIRED
        return "batch_expired" if expired else ""


def shares(actives: Iterable[RunningBatch], window: int) -> dict[str, int]:
    """How many lines a batch of each owner may have in flight: owners get the same, and so do their batches.

    One that came alone and filled the window does not delay the next: it gets no more until it is down to its share.
    """
    batches = Counter(active.batch.owner for active in actives if active.hungry)
    return {owner: max(window // len(batches) // count, LEAST) for owner, count in batches.items()}


def first_to_check(actives: Iterable[RunningBatch]) -> list[RunningBatch]:
    """The batches whose input is checked next: one an owner, so that nobody waits for the files of another."""
    first: dict[str, RunningBatch] = {}
    for active in actives:
        if active.unchecked:
            first.setdefault(active.batch.owner, active)
    return list(first.values())
